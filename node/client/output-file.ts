import { constants } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { ConfigError } from '../../src/interface/index.js'

/** A file that is known to take an answer before the answer is paid for. */
export interface OutputFile {
  /** Replaces what the file holds. Resolves with the number of bytes. Throws ConfigError. */
  write(bytes: Uint8Array): Promise<number>
  /** Closes it; one that was made here and never written goes again. Safe to repeat. */
  close(): Promise<void>
}

/** Opens a file for writing, and changes nothing of what it holds. Throws ConfigError. */
export async function openOutputFile(path: string): Promise<OutputFile> {
  const { handle, isNew } = await attempt(path, () => openOrMake(path))
  let state: 'open' | 'written' | 'closed' = 'open'
  return {
    write: bytes =>
      attempt(path, async () => {
        // A terminal or a pipe has no length.
        if ((await handle.stat()).isFile()) await handle.truncate(0)
        state = 'written'
        await handle.writeFile(bytes)
        return bytes.length
      }),
    async close() {
      if (state === 'closed') return
      const isUnused = state === 'open'
      state = 'closed'
      await handle.close()
      if (isNew && isUnused) await unlink(path)
    }
  }
}

async function openOrMake(path: string): Promise<{ handle: FileHandle; isNew: boolean }> {
  try {
    return { handle: await open(path, constants.O_WRONLY), isNew: false }
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ENOENT')) throw err
  }
  return { handle: await open(path, 'wx'), isNew: true }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (err) {
    throw new ConfigError(`--output (flag): cannot write ${path}: ${String(err)}`, { cause: err })
  }
}
