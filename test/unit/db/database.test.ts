import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { expect, it, onTestFinished, vi } from 'vitest'
import { damageBeforeOpen, damageOf } from '../../../src/db/damage.js'
import { createDatabase } from '../../../src/db/database.js'
import { temporaryFolder } from './fixture.js'

it('behavior: writes that go to the disk together are synced if one of them asked for it', async () => {
  const batch = vi.spyOn(ClassicLevel.prototype, 'batch')
  onTestFinished(() => batch.mockRestore())
  const database = await createDatabase(await temporaryFolder())
  const write = (n: number, sync: boolean) =>
    database.batch([{ type: 'put', key: Uint8Array.of(n), value: Uint8Array.of(n) }], { sync })
  for (const [first, second] of [
    [true, false],
    [false, true],
    [false, false]
  ] as const)
    await Promise.all([write(1, first), write(2, second)])
  expect(batch.mock.calls).toMatchObject([
    [{ length: 2 }, { sync: true }],
    [{ length: 2 }, { sync: true }],
    [{ length: 2 }, { sync: false }]
  ])
  await database.close()
})

it('behavior: a hole of zeros between whole records of the log, which LevelDB passes over in silence, is noticed', async () => {
  const path = await temporaryFolder()
  const database = await createDatabase(path)
  // With their frame eight such records fill a block of LevelDB's log, and none goes over its end.
  const value = new Uint8Array(4_096 - 7 - 12 - 1 - 1 - 4 - 2).fill(1)
  for (let n = 0; n < 24; n++) {
    await database.batch([{ type: 'put', key: Uint8Array.of(0xfe, 0, 0, n), value }], { sync: true })
  }
  await database.close()
  expect(await damageBeforeOpen(path)).toBeUndefined()
  const [name = ''] = (await readdir(path)).filter(file => file.endsWith('.log'))
  const log = await readFile(join(path, name))
  expect(log).toHaveLength(3 * 32_768)
  await writeFile(join(path, name), log.fill(0, 32_768, 2 * 32_768))

  expect(await damageBeforeOpen(path)).toContain('overwritten with zeros')
  const opened = await createDatabase(path)
  expect(await damageOf(opened, path)).toBeUndefined()
  expect(await opened.get(Uint8Array.of(0xfe, 0, 0, 8))).toBeUndefined()
  await opened.close()
})
