import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type BlockStore, createBlockStore } from '../../../src/content/block-store.js'
import { keyOfBytes } from '../../../src/content/cid.js'
import { systemClock } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const components = { clock: systemClock, logger: silentLogger() }
const block = (name: string, sizeBytes = 100): Buffer => Buffer.alloc(sizeBytes, name)
const key = (name: string, sizeBytes = 100): string => keyOfBytes(block(name, sizeBytes))

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'buffalo-blocks-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

const open = (path?: string, quotaBytes = 1_000): Promise<BlockStore> =>
  createBlockStore({ path, quotaBytes }, components)
const fill = async (store: BlockStore, ...names: string[]): Promise<void> => {
  for (const name of names) await store.put(key(name), block(name))
}
const held = (store: BlockStore, names: string): string =>
  [...names].filter(name => store.has(key(name))).join('')
const filesIn = async (path: string): Promise<string[]> =>
  (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter(item => item.isFile())
    .map(item => join(item.parentPath, item.name))

for (const where of ['memory', 'disk']) {
  const path = async (): Promise<string | undefined> => (where === 'disk' ? folder() : undefined)

  it(`behavior: in ${where}, what is put is had again, and what is not its hash is refused`, async () => {
    const store = await open(await path())
    await fill(store, 'a')
    expect(await store.get(key('a'))).toEqual(block('a'))
    expect(await store.get(key('b'))).toBeUndefined()
    await expect(store.put(key('a'), block('b'))).rejects.toMatchObject({
      code: 'BUFFALO_ERR_CONTENT_INVALID'
    })
  })

  it(`behavior: in ${where}, the block used longest ago makes room`, async () => {
    const store = await open(await path())
    await fill(store, ...'abcdefghij')
    await store.get(key('a'))
    await fill(store, 'k', 'l')
    expect(held(store, 'abcdefghijkl')).toBe('adefghijkl')
    expect(store.usage()).toMatchObject({ blocks: 10, bytes: 1_000 })
  })

  it(`behavior: in ${where}, what is held is never evicted, and its room is not given away`, async () => {
    const store = await open(await path())
    store.hold(key('a'))
    store.hold(key('a'))
    await fill(store, ...'abcdefghijklm')
    store.release(key('a'))
    await fill(store, ...'nopqrstuvwx')
    expect(held(store, 'a')).toBe('a')
    for (const name of 'pqrstuvwx') store.hold(key(name))
    expect(store.usage()).toMatchObject({ bytes: 1_000, heldBytes: 1_000 })
    await expect(store.put(key('y'), block('y'))).rejects.toMatchObject({
      code: 'BUFFALO_ERR_CONTENT_UNAVAILABLE'
    })
    expect(held(store, 'apqrstuvwx')).toBe('apqrstuvwx')
    store.release(key('a'))
    await fill(store, 'y')
    expect(held(store, 'ay')).toBe('y')
  })
}

it('behavior: many blocks put at once stay within the quota', async () => {
  const store = await open(await folder())
  await Promise.all([...'abcdefghijklmnopqrstuvwxyz'].map(name => fill(store, name)))
  expect(store.usage()).toMatchObject({ blocks: 10, bytes: 1_000 })
})

it('behavior: blocks and the order of their use outlive the process', async () => {
  const path = await folder()
  await fill(await open(path), 'a', 'b', 'c')
  for (const file of await filesIn(path)) {
    const isA = keyOfBytes(await readFile(file)) === key('a')
    const usedAt = new Date(isA ? Date.now() : Date.now() - 1_000_000)
    await utimes(file, usedAt, usedAt)
  }
  const again = await open(path, 300)
  expect(again.usage()).toMatchObject({ blocks: 3, bytes: 300 })
  await fill(again, 'd', 'e')
  expect(held(again, 'abcde')).toBe('ade')
})

it('behavior: what a crash left half-written is removed at the start', async () => {
  const path = await folder()
  await fill(await open(path), 'a')
  await writeFile(join(path, '.something.tmp'), 'half')
  const store = await open(path)
  expect(store.usage().blocks).toBe(1)
  expect(await filesIn(path)).toHaveLength(1)
})

it('behavior: a damaged block is not given out, and can be put anew', async () => {
  const path = await folder()
  const store = await open(path)
  await fill(store, 'a')
  const [file = ''] = await filesIn(path)
  await writeFile(file, block('b'))
  expect(await store.get(key('a'))).toBeUndefined()
  expect(store.has(key('a'))).toBe(false)
  await fill(store, 'a')
  expect(await store.get(key('a'))).toEqual(block('a'))
})

it('behavior: a part of a file is a block for as long as the file stays as it is', async () => {
  const path = join(await folder(), 'file')
  await writeFile(path, Buffer.concat([block('a'), block('b')]))
  const store = await open()
  await fill(store, 'b')
  await store.refer(key('b'), { path, offset: 100, sizeBytes: 100 })
  expect(store.usage().blocks).toBe(0)
  expect(store.sizeOf(key('b'))).toBe(100)
  expect(await store.get(key('b'))).toEqual(block('b'))
  await writeFile(path, Buffer.concat([block('a'), block('c')]))
  expect(await store.get(key('b'))).toBeUndefined()
  expect(store.has(key('b'))).toBe(false)
})
