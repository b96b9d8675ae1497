import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { locateFile, type ManifestDocument, parseManifest, readManifest } from '../../models/index.js'
import type { Content } from '../../src/content/index.js'
import { cidOfFile } from '../../src/interface/content-id.js'
import {
  type Clock,
  type Logger,
  type Manifest,
  ManifestError,
  type Startable
} from '../../src/interface/index.js'
import { addedModelsFolder } from './model-paths.js'

export interface ModelFetcherInit {
  dataDir: string
  /** Of all files of one model. */
  maxBytes: number
}

export interface ModelFetcherComponents {
  content: Pick<Content, 'read' | 'save' | 'pin'>
  /** Whether this version has the architecture of a model. Throws NotFoundError. */
  checkArchitecture(task: string, architecture: string): Promise<void>
  /** Given what was fetched: tests it, and offers it. */
  onFetched(document: ManifestDocument): Promise<void>
  clock: Clock
  logger: Logger
}

/** Gets models that jobs ask for and that are not here, from peers, by the CID of their manifest. */
export interface ModelFetcher extends Startable {
  /** Asks for a model, soon. Never throws; says in the log how it went. */
  want(cid: string): void
  /** Fetches one now. Throws ContentUnavailableError, ContentInvalidError, ManifestError. */
  fetch(cid: string, signal: AbortSignal): Promise<ManifestDocument>
}

/** As manifests on disk: files and settings are named, not held. */
const maxManifestBytes = 256 * 1024
/** Models that wait to be fetched: anyone may ask for any, but pays for a job each time. */
const maxWanted = 16
/** Pause after a model could not be had; doubled by each further failure, up to a day. */
const firstPauseMs = 10_000
const maxPauseMs = 24 * 3_600_000
/** Models that were fetched and are kept; beyond it, the one fetched longest ago goes. */
const maxFetched = 16
/** Tells a folder of a fetched model from one that a person added. */
const fetchedMark = '.fetched'

export function modelFetcher(init: ModelFetcherInit): (components: ModelFetcherComponents) => ModelFetcher {
  return ({ content, checkArchitecture, onFetched, clock, logger }) => {
    const wanted = new Set<string>()
    const failures = new Map<string, { count: number; notBeforeMs: number }>()
    let life: AbortController | undefined
    let working: Promise<void> | undefined

    async function fetchManifest(cid: string, signal: AbortSignal): Promise<[Manifest, Uint8Array]> {
      const bytes = await content.read(cid, { maxBytes: maxManifestBytes, signal })
      const manifest = parseManifest(bytes, cid)
      const sizeBytes = Object.values(manifest.files).reduce((sum, file) => sum + file.sizeBytes, 0)
      if (sizeBytes > init.maxBytes) {
        throw new ManifestError(
          `The model ${cid} has ${sizeBytes} bytes, and at most ${init.maxBytes} are fetched: see --fetch-models-mb`
        )
      }
      await checkArchitecture(manifest.task, manifest.architecture)
      return [manifest, bytes]
    }

    async function fetch(cid: string, signal: AbortSignal): Promise<ManifestDocument> {
      const [manifest, bytes] = await fetchManifest(cid, signal)
      const folder = join(addedModelsFolder(init.dataDir), cid)
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, fetchedMark), '')
      for (const file of Object.values(manifest.files)) {
        if (file.path.startsWith('npm:')) {
          // Packages come with the program. A model of another one is for operators who install it.
          await locateFile({ path: join(folder, 'manifest') }, file.path)
          continue
        }
        const target = join(folder, file.path)
        if (await isHere(target, file)) continue
        logger.info(
          { manifest: cid, file: file.path, sizeBytes: file.sizeBytes },
          'Fetching a file of a model'
        )
        await content.save(file.cid, target, {
          maxBytes: file.sizeBytes,
          signal,
          onProgress: ({ bytes: done, totalBytes }) =>
            logger.debug({ manifest: cid, file: file.path, bytes: done, totalBytes }, 'Fetching')
        })
      }
      // Last: a folder without its manifest is not looked at.
      const path = join(folder, 'model.manifest.json')
      await writeFile(`${path}.new`, bytes)
      await rename(`${path}.new`, path)
      await content.pin(cid)
      return readManifest(path)
    }

    async function work(signal: AbortSignal): Promise<void> {
      for (const cid of wanted) {
        if (signal.aborted) return
        wanted.delete(cid)
        try {
          const document = await fetch(cid, signal)
          failures.delete(cid)
          logger.info({ model: document.manifest.name, manifest: cid }, 'A model was fetched from peers')
          await onFetched(document)
          await dropOldest(init.dataDir)
        } catch (err) {
          if (signal.aborted) return
          const count = (failures.get(cid)?.count ?? 0) + 1
          const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** (count - 1))
          failures.set(cid, { count, notBeforeMs: clock.now() + pauseMs })
          // A map keeps the order of insertion.
          for (const oldest of failures.keys()) {
            if (failures.size <= 1_000) break
            failures.delete(oldest)
          }
          logger.warn({ err, manifest: cid, pauseMs }, 'A model that jobs ask for could not be fetched')
        }
      }
    }

    function wake(): void {
      if (life === undefined || working !== undefined) return
      working = work(life.signal).finally(() => {
        working = undefined
        if (wanted.size > 0) wake()
      })
    }

    return {
      fetch,
      want(cid) {
        const notBeforeMs = failures.get(cid)?.notBeforeMs ?? 0
        if (wanted.size >= maxWanted || notBeforeMs > clock.now()) return
        wanted.add(cid)
        wake()
      },
      start() {
        life ??= new AbortController()
        wake()
      },
      async stop() {
        life?.abort(new Error('The node stops'))
        life = undefined
        await working
      }
    }
  }
}

/** Whether an earlier, broken fetch left the file whole. */
async function isHere(
  path: string,
  { cid, sizeBytes }: { cid: string; sizeBytes: number }
): Promise<boolean> {
  return existsSync(path) && (await stat(path)).size === sizeBytes && (await cidOfFile(path)) === cid
}

/** Removes the models that were fetched longest ago, where there are too many. */
async function dropOldest(dataDir: string): Promise<void> {
  const root = addedModelsFolder(dataDir)
  const fetched: { folder: string; atMs: number }[] = []
  for (const name of await readdir(root)) {
    const folder = join(root, name)
    const mark = join(folder, fetchedMark)
    if (existsSync(mark)) fetched.push({ folder, atMs: (await stat(mark)).mtimeMs })
  }
  fetched.sort((a, b) => b.atMs - a.atMs)
  for (const { folder } of fetched.slice(maxFetched)) await rm(folder, { recursive: true, force: true })
}
