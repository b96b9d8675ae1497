import { constants, type FileHandle, open, rename, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type NodeStatus, nodeStatusSchema } from './node-status.js'

/** In the data directory of a node. */
export const statusFileName = 'status.json'

/** Hundred addresses, and all the rest many times over: what is larger is not ours. */
const maxFileBytes = 256 * 1024

/** Where a node leaves its status. */
export interface StatusFile {
  /**
   * All or nothing, for whoever reads. Where the disk has no room, the time of the old file is set at least: the node is alive.
   * Rejects with what the file system said.
   */
  write(status: NodeStatus): Promise<void>
}

export function statusFile(dataDir: string): StatusFile {
  const path = join(dataDir, statusFileName)
  // One name is enough: whoever writes holds the lock of the data directory.
  const draft = `${path}.tmp`
  return {
    async write(status) {
      try {
        await writeFile(draft, `${JSON.stringify(status)}\n`)
        await rename(draft, path)
      } catch (err) {
        const nowS = status.writtenAtMs / 1_000
        // Why the write failed says more than why this did.
        await utimes(path, nowS, nowS).catch(() => undefined)
        throw err
      }
    }
  }
}

/** What lies in a data directory. */
export type StatusRead =
  /** `touchedMs`: when the file was last changed. */
  | { kind: 'status'; status: NodeStatus; touchedMs: number }
  | { kind: 'absent' }
  | { kind: 'unreadable'; why: string }

/** Never rejects: what cannot be read is told in words. */
export async function readStatusFile(dataDir: string): Promise<StatusRead> {
  let file: FileHandle | undefined
  try {
    // A pipe in its place would keep the reader waiting for ever. Windows has neither.
    file = await open(join(dataDir, statusFileName), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    return await read(file)
  } catch (err) {
    const code = err instanceof Error && 'code' in err ? err.code : undefined
    if (code === 'ENOENT') return { kind: 'absent' }
    return { kind: 'unreadable', why: code === 'ENOTDIR' ? 'its directory is a file' : String(err) }
  } finally {
    await file?.close()
  }
}

async function read(file: FileHandle): Promise<StatusRead> {
  const stat = await file.stat()
  if (!stat.isFile()) return { kind: 'unreadable', why: 'it is no file' }
  if (stat.size > maxFileBytes) return { kind: 'unreadable', why: `it has ${stat.size} bytes` }
  // It may grow between the two.
  const { buffer, bytesRead } = await file.read(Buffer.alloc(maxFileBytes), 0, maxFileBytes, 0)
  let value: unknown
  try {
    value = JSON.parse(buffer.toString('utf8', 0, bytesRead))
  } catch {
    return { kind: 'unreadable', why: 'it is not JSON' }
  }
  const parsed = nodeStatusSchema.safeParse(value)
  if (parsed.success) return { kind: 'status', status: parsed.data, touchedMs: Math.floor(stat.mtimeMs) }
  const [issue] = parsed.error.issues
  if (issue?.path.length === 1 && issue.path[0] === 'format') {
    return {
      kind: 'unreadable',
      why: 'it was written by another version of buffalo-node, or by another program'
    }
  }
  // The values are not shown: they may hold anything.
  const field = issue?.path.map(String).join('.') ?? ''
  return {
    kind: 'unreadable',
    why:
      field === ''
        ? 'it holds no status'
        : `its field ${JSON.stringify(field.slice(0, 100))} is not what it must be`
  }
}
