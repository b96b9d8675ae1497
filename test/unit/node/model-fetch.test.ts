import { existsSync, readdirSync, utimesSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { cidOfBytes, type ManifestDocument } from '../../../models/index.js'
import { type ModelFetcher, modelFetcher } from '../../../node/models/fetch.js'
import { ContentUnavailableError, type Logger } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { temporaryDirectory } from '../../helpers/node-process.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const weights = Buffer.from('weights')

function manifestOf(name: string, path = 'weights.bin'): { cid: string; bytes: Buffer } {
  const bytes = Buffer.from(
    JSON.stringify({
      name,
      task: 'tensor',
      architecture: 'onnx',
      licence: 'MIT',
      description: '',
      runtime: { kind: 'native', threads: 1, optimisation: 'all' },
      files: { model: { path, cid: cidOfBytes(weights), sizeBytes: weights.length } },
      settings: {},
      testVectors: []
    })
  )
  return { cid: cidOfBytes(bytes), bytes }
}

/** A fetcher, and the network that it asks. */
function setUp(dataDir = temporaryDirectory()) {
  const manifests = new Map<string, Buffer>()
  const [failed, offered] = [new Set<string>(), new Set<string>()]
  const dropped: string[] = []
  const unshared: string[] = []
  const clock = manualClock()
  const network = { isBroken: false, passes: true }
  let told: (() => void) | undefined
  const logger: Logger = {
    ...silentLogger(),
    // What ends the work on a model: it is offered, or it says why not.
    warn: () => told?.(),
    child: () => logger
  }
  const fetcher = modelFetcher({ dataDir, maxBytes: 1_000 })({
    content: {
      async read(cid) {
        const bytes = manifests.get(cid)
        if (bytes === undefined) throw new ContentUnavailableError('nobody has it')
        return bytes
      },
      async save(_cid, path) {
        if (network.isBroken) throw new ContentUnavailableError('broken off')
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, weights)
      },
      pin: async () => undefined,
      unpin: async () => undefined,
      unshare: path => void unshared.push(path)
    },
    checkArchitecture: async () => undefined,
    async onFetched({ cid }: ManifestDocument) {
      if (!network.passes) failed.add(cid)
      else offered.add(cid)
      if (network.passes) told?.()
      return network.passes
    },
    onDropped(cid) {
      dropped.push(cid)
      offered.delete(cid)
      failed.delete(cid)
    },
    isRefused: cid => failed.has(cid),
    clock,
    logger
  })
  onTestFinished(async () => fetcher.stop())
  const folder = (cid: string): string => join(dataDir, 'models', cid)
  return {
    dataDir,
    clock,
    fetcher,
    network,
    failed,
    offered,
    dropped,
    unshared,
    folder,
    folders: () => readdirSync(join(dataDir, 'models')),
    publish(name: string, path?: string): string {
      const { cid, bytes } = manifestOf(name, path)
      manifests.set(cid, bytes)
      return cid
    },
    /** Asks for a model, and waits until the fetcher has done with it and what came of it. */
    async get(cid: string): Promise<void> {
      const done = new Promise<void>(resolve => {
        told = resolve
      })
      fetcher.want(cid)
      await done
      await settled(fetcher, cid)
    }
  }
}

/** Resolves when the model is here, or has failed. */
async function settled(fetcher: ModelFetcher, cid: string): Promise<void> {
  while (fetcher.isComing(cid)) await new Promise(setImmediate)
}

it('behavior: the seventeenth fetched model takes the place of the oldest, which is offered no more', async () => {
  const { fetcher, publish, get, folder, folders, offered, dropped, unshared } = setUp()
  await fetcher.start()
  const cids = Array.from({ length: 17 }, (_, at) => publish(`model ${at}`))
  for (const [at, cid] of cids.entries()) {
    await get(cid)
    utimesSync(join(folder(cid), '.fetched'), at, at)
  }
  await fetcher.stop()
  const [oldest = ''] = cids
  expect(folders()).toHaveLength(16)
  expect(existsSync(folder(oldest))).toBe(false)
  expect(dropped).toEqual([oldest])
  expect(unshared).toEqual([folder(oldest)])
  expect(offered.has(oldest)).toBe(false)
  // A job may have been claimed for its sake a moment ago.
  expect(fetcher.isComing(oldest)).toBe(true)
})

it('behavior: fetches that broke off are bounded, and go before whole models', async () => {
  const { fetcher, publish, get, folder, folders, network, offered } = setUp()
  await fetcher.start()
  const whole = publish('whole')
  await get(whole)
  utimesSync(join(folder(whole), '.fetched'), 1, 1)
  network.isBroken = true
  for (let at = 0; at < 20; at++) await get(publish(`broken ${at}`))
  await fetcher.stop()
  expect(folders()).toHaveLength(16)
  expect(offered).toEqual(new Set([whole]))
  expect(existsSync(folder(whole))).toBe(true)
})

it('behavior: a fetch that broke off goes on where it was', async () => {
  const { fetcher, publish, get, folder, network, offered, clock } = setUp()
  await fetcher.start()
  network.isBroken = true
  const cid = publish('one')
  await get(cid)
  expect(existsSync(folder(cid))).toBe(true)
  await writeFile(join(folder(cid), 'weights.bin'), weights)
  await clock.advance(10_000)
  await get(cid)
  expect(offered).toEqual(new Set([cid]))
})

it('behavior: a model that fails its self-test leaves nothing on disk, and is not fetched again soon', async () => {
  const { fetcher, publish, get, folders, network, dropped, offered, clock } = setUp()
  await fetcher.start()
  network.passes = false
  const cid = publish('bad')
  await get(cid)
  await fetcher.stop()
  expect(folders()).toEqual([])
  expect(dropped).toEqual([cid])
  await fetcher.start()
  network.passes = true
  fetcher.want(cid)
  expect(fetcher.isComing(cid)).toBe(false)
  await clock.advance(10_000)
  await get(cid)
  expect(offered).toEqual(new Set([cid]))
})

it('behavior: a fetched model that fails when the node starts again is removed', async () => {
  const first = setUp()
  await first.fetcher.start()
  const cid = first.publish('one')
  await first.get(cid)
  await first.fetcher.stop()
  const second = setUp(first.dataDir)
  second.failed.add(cid)
  await second.fetcher.start()
  expect(second.folders()).toEqual([])
  expect(second.dropped).toEqual([cid])
})

it('behavior: a model cannot bring a manifest of another along', async () => {
  const { fetcher, publish } = setUp()
  const { signal } = new AbortController()
  for (const path of ['other.manifest.json', 'sub/other.manifest.json', '.fetched']) {
    await expect(fetcher.fetch(publish('sly', path), signal)).rejects.toMatchObject({
      code: 'BUFFALO_ERR_MANIFEST'
    })
  }
})

it('behavior: jobs wait for a model that is coming, ten minutes at most', async () => {
  const { fetcher, publish, clock } = setUp()
  const cid = publish('slow')
  expect(fetcher.isComing(cid)).toBe(false)
  // Not started: it waits.
  fetcher.want(cid)
  expect(fetcher.isComing(cid)).toBe(true)
  await clock.advance(600_000)
  expect(fetcher.isComing(cid)).toBe(false)
})
