import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeFolder } from '../../../node/folders.js'

it('behavior: folders are made, also twice at once; where none can be, it is said at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'buffalo-folders-'))
  try {
    const path = join(folder, 'a', 'b', 'c')
    await Promise.all([makeFolder(path), makeFolder(path)])
    await makeFolder(path)
    expect((await stat(path)).isDirectory()).toBe(true)
    await writeFile(join(folder, 'file'), '')
    await expect(makeFolder(join(folder, 'file'))).rejects.toThrow('EEXIST')
    await expect(makeFolder(join(folder, 'file', 'below'))).rejects.toThrow('EEXIST')
  } finally {
    await rm(folder, { recursive: true })
  }
})

// mkdir's own `recursive` never comes back from here.
it.runIf(process.platform === 'linux')('behavior: a data directory in /proc is refused', async () => {
  await expect(makeFolder('/proc/buffalo/deeper')).rejects.toThrow('ENOENT')
})
