import { readFile } from 'node:fs/promises'
import { locateFile, type ManifestDocument } from '../../models/index.js'
import type { Content } from '../../src/content/index.js'
import type { Logger } from '../../src/interface/index.js'

/** Lets others fetch a model from this node: the manifest, and its files from where they lie. */
export async function shareModel(
  document: ManifestDocument,
  { content, logger }: { content: Pick<Content, 'add' | 'share'>; logger: Logger }
): Promise<void> {
  const { manifest, path, cid } = document
  try {
    for (const file of Object.values(manifest.files)) {
      const found = await content.share(await locateFile(document, file.path))
      if (found !== file.cid) {
        logger.debug(
          { manifest: cid, file: file.path },
          'A file has no CID that peers can fetch: seal its manifest anew'
        )
      }
    }
    // Last: who finds the manifest finds its files.
    await content.add([await readFile(path)], { pin: true })
  } catch (err) {
    logger.warn({ err, model: manifest.name, manifest: cid }, 'A model is not shared with peers')
  }
}
