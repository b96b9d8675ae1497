import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { open, temporaryFolder } from './fixture.js'

async function run(dataDir: string, isNewIdentity = false): Promise<boolean> {
  const { database, isContinuous } = await open(dataDir, { isNewIdentity })
  await database.close()
  return isContinuous
}

describe('whether a database holds all that its node signed', () => {
  it('behavior: it does with a new identity, and after each run that followed the last', async () => {
    const dataDir = await temporaryFolder()
    expect([await run(dataDir, true), await run(dataDir), await run(dataDir)]).toEqual([true, true, true])
  })

  it('behavior: a new database beside an old identity does not', async () => {
    expect(await run(await temporaryFolder())).toBe(false)
  })

  it('behavior: a database put back from a copy does not, until the next run', async () => {
    const dataDir = await temporaryFolder()
    await run(dataDir, true)
    await cp(join(dataDir, 'db'), join(dataDir, 'backup'), { recursive: true })
    await run(dataDir)
    await rm(join(dataDir, 'db'), { recursive: true })
    await cp(join(dataDir, 'backup'), join(dataDir, 'db'), { recursive: true })
    expect([await run(dataDir), await run(dataDir)]).toEqual([false, true])
  })

  it('behavior: a copy of the whole data directory does not', async () => {
    const [original, copy] = [await temporaryFolder(), await temporaryFolder()]
    await run(original, true)
    await cp(original, copy, { recursive: true, preserveTimestamps: true })
    expect([await run(copy), await run(original)]).toEqual([false, true])
  })

  it('behavior: a copy of the whole data directory that is written over the newer one does not', async () => {
    const [dataDir, backup] = [await temporaryFolder(), await temporaryFolder()]
    await run(dataDir, true)
    await cp(dataDir, backup, { recursive: true })
    await run(dataDir)
    await rm(join(dataDir, 'db'), { recursive: true })
    await cp(join(backup, 'db'), join(dataDir, 'db'), { recursive: true })
    // In place: the file stays the same file.
    await writeFile(join(dataDir, 'incarnation'), await readFile(join(backup, 'incarnation')))
    expect(await run(dataDir)).toBe(false)
  })

  it('behavior: one that lost what was written last does not', async () => {
    const dataDir = await temporaryFolder()
    await run(dataDir, true)
    const { database } = await open(dataDir)
    await cp(join(dataDir, 'db'), join(dataDir, 'earlier'), { recursive: true })
    await database.close()
    await rm(join(dataDir, 'db'), { recursive: true })
    await cp(join(dataDir, 'earlier'), join(dataDir, 'db'), { recursive: true })
    expect(await run(dataDir)).toBe(false)
  })
})
