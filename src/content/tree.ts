import * as dagPb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { ContentInvalidError } from '../interface/index.js'
import { dagPbCode, parseCid } from './cid.js'
import { contentLimits } from './limits.js'

/** One block of a file's tree, as the next step needs it. */
export interface TreeNode {
  /** CIDs of the blocks below it, in the order of the file. */
  links: string[]
  /** Of the file below it. */
  sizeBytes: number
}

/**
 * Reads a block as a part of a file. Throws ContentInvalidError for a node that is malformed, and for what is no file
 * (a folder, a symbolic link).
 */
export function readTreeNode(cid: string, block: Uint8Array): TreeNode {
  if (parseCid(cid).code !== dagPbCode) return { links: [], sizeBytes: block.length }
  try {
    const node = dagPb.decode(block)
    const unixfs = UnixFS.unmarshal(node.Data ?? new Uint8Array())
    if (unixfs.type !== 'file' && unixfs.type !== 'raw') {
      throw new ContentInvalidError(`The CID ${cid} is a ${unixfs.type}, not a file`)
    }
    return {
      // As text: the codec may be of another version of multiformats.
      links: node.Links.map(({ Hash }) => parseCid(CID.decode(Hash.bytes).toString()).toString()),
      sizeBytes: Number(unixfs.fileSize())
    }
  } catch (err) {
    if (err instanceof ContentInvalidError) throw err
    throw new ContentInvalidError(`The block ${cid} is no node of a file`, { cause: err })
  }
}

/** Counts the blocks of one download, and ends it where no honest file has so many or such deep ones. */
export function treeBounds(maxBytes: number): {
  /** The root's own word. Throws ContentInvalidError. */
  checkSize(cid: string, sizeBytes: number): void
  /** Throws ContentInvalidError. */
  count(depth: number, node: TreeNode, blockBytes: number): void
} {
  const maxBlocks = contentLimits.treeNodes + maxBytes / contentLimits.leastLeafBytes
  let blocks = 1
  let leafBytes = 0
  const tooLarge = (what: string): ContentInvalidError =>
    new ContentInvalidError(`${what}: at most ${maxBytes} bytes are taken`, { isTooLarge: true })
  return {
    checkSize(cid, sizeBytes) {
      if (sizeBytes > maxBytes) throw tooLarge(`The content ${cid} has ${sizeBytes} bytes`)
    },
    count(depth, { links }, blockBytes) {
      blocks += links.length
      if (links.length === 0) leafBytes += blockBytes
      if (blocks > maxBlocks || leafBytes > maxBytes) throw tooLarge('The content has more than it says')
      if (depth > contentLimits.treeDepth) {
        throw new ContentInvalidError(`The tree has more than ${contentLimits.treeDepth} levels`)
      }
    }
  }
}
