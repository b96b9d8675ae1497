import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openOutputFile } from '../../../node/client/output-file.js'
import { ConfigError } from '../../../src/interface/index.js'

it('behavior: what cannot be written is noticed before anything is paid; what is not written leaves all as it was', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'buffalo-output-'))
  try {
    await expect(openOutputFile(join(folder, 'none', 'x.png'))).rejects.toThrow(ConfigError)
    await expect(openOutputFile(folder)).rejects.toThrow('--output (flag): cannot write')
    const [made, kept] = [join(folder, 'made'), join(folder, 'kept')]
    await writeFile(kept, 'an earlier and longer answer')
    for (const path of [made, kept]) await (await openOutputFile(path)).close()
    expect(await readdir(folder)).toEqual(['kept'])
    expect(await readFile(kept, 'utf8')).toBe('an earlier and longer answer')
    const file = await openOutputFile(kept)
    await file.write(Buffer.from('answer'))
    await file.close()
    expect(await readFile(kept, 'utf8')).toBe('answer')
  } finally {
    await rm(folder, { recursive: true })
  }
})
