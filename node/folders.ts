import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it, where they are missing. Not by mkdir's own `recursive`: where a file system refuses a name
 * with ENOENT, though the folder above is there (/proc does), that tries for ever. Throws what mkdir throws.
 */
export async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path)
  if (parent !== path && !(await isFolder(parent))) await makeFolder(parent)
  try {
    await mkdir(path)
  } catch (err) {
    // Another process may have been first.
    if (!(await isFolder(path))) throw err
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    // mkdir says why, where it matters.
    return false
  }
}
