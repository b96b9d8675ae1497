import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { cursorRepository } from '../../../src/db/repositories/cursor.js'
import { systemClock } from '../../../src/interface/clock.js'
import { jobKey } from '../../../src/job/job-key.js'
import { jobReader, resultReader, subgraphClient } from '../../../src/subgraph/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { ask, mined, success } from '../contracts/fixture.js'
import { post, type SubgraphFixture, startSubgraphFixture } from './fixture.js'

describe('reorgs and restarts, on a real chain', () => {
  let fixture: SubgraphFixture
  const undo: (() => unknown)[] = []
  beforeEach(async () => {
    fixture = await startSubgraphFixture()
  })
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
    await fixture?.stop()
  })

  /** A consumer of both readers, which stores nothing but what it is told. */
  function consumer(url: string) {
    const database = memoryDatabase()
    const cursors = cursorRepository(database)
    const subgraph = subgraphClient({ url })({ clock: systemClock })
    const components = { subgraph, cursors, logger: silentLogger(), clock: systemClock, random: Math.random }
    const jobs = new Map<bigint, { blockHash: string; txHash: string; key: string }>()
    const results = new Map<bigint, string>()
    const reorgs: bigint[] = []
    let changed = Promise.withResolvers<void>()
    const tell = () => {
      changed.resolve()
      changed = Promise.withResolvers<void>()
    }
    const key = (reference: Parameters<typeof jobKey>[1]) =>
      jobKey({ chainId: 31_337, oracle: fixture.oracle.address }, reference)
    const start = async () => {
      const readers = [
        jobReader({
          jobKey: key,
          pollIntervalMs: 20,
          lagToleranceMs: 100,
          async onJobs(read, saveCursor) {
            await database.batch([saveCursor])
            for (const { reference } of read) jobs.set(reference.jobId, reference)
            tell()
          },
          async onReorg(fromJobId, saveCursor) {
            await database.batch([saveCursor])
            reorgs.push(fromJobId)
            for (const id of [...jobs.keys()]) if (id >= fromJobId) jobs.delete(id)
            tell()
          }
        })(components),
        resultReader({
          jobKey: key,
          pollIntervalMs: 20,
          lagToleranceMs: 100,
          async onResults(read, saveCursor) {
            await database.batch([saveCursor])
            for (const { job, txHash } of read) results.set(job.jobId, txHash)
            tell()
          },
          async onReorg(_aboveBlock, saveCursor) {
            await database.batch([saveCursor])
            results.clear()
            tell()
          }
        })(components)
      ]
      for (const reader of readers) await reader.start()
      const stop = async () => {
        for (const reader of readers) await reader.stop()
      }
      undo.push(stop)
      return stop
    }
    const until = async (done: () => boolean) => {
      while (!done()) await changed.promise
    }
    return { jobs, results, reorgs, start, until }
  }

  it('behavior: jobs of blocks that are gone are forgotten, and those mined again are read in their new block', async () => {
    const { provider } = fixture
    const reader = consumer(fixture.runner.url)
    await reader.start()
    await ask(fixture)
    const snapshot = await provider.send('evm_snapshot', [])
    const second = await ask(fixture, '0x01')
    await mined(fixture.oracle.write('submitResults', [[success(second, '0x11')]]))
    await ask(fixture, '0x02')
    await reader.until(() => reader.jobs.size === 3 && reader.results.size === 1)
    const before = new Map(reader.jobs)

    await provider.send('evm_revert', [snapshot])
    await provider.send('anvil_mine', ['0x1'])
    const again = await ask(fixture, '0x03')
    expect(again.jobId).toBe(2n)
    await fixture.indexed()
    const newBlock = (await provider.getBlock('latest'))?.hash
    await reader.until(() => reader.jobs.get(2n)?.blockHash === newBlock)

    expect(reader.reorgs).toEqual([2n])
    expect([...reader.jobs.keys()]).toEqual([1n, 2n])
    expect(reader.jobs.get(1n)).toEqual(before.get(1n))
    expect(reader.jobs.get(2n)?.key).not.toBe(before.get(2n)?.key)
    const { data } = await post(fixture.runner.url, '{ jobs { jobId status } results { id } }')
    expect(data).toEqual({
      jobs: [
        { jobId: '1', status: 'Open' },
        { jobId: '2', status: 'Open' }
      ],
      results: []
    })
  })

  it('behavior: a reorg of the same length is seen', async () => {
    const { provider } = fixture
    await ask(fixture)
    await fixture.indexed()
    const before = fixture.runner.head()
    await provider.send('anvil_reorg', [2, []])
    const after = await provider.send('eth_getBlockByNumber', ['latest', false])
    expect(Number(after.number)).toBe(before?.number)
    await fixture.indexed()
    expect(fixture.runner.head()?.hash).toBe(after.hash)
    expect(after.hash).not.toBe(before?.hash)
    expect((await post(fixture.runner.url, '{ jobs { id } }')).data).toEqual({ jobs: [] })
  })

  it('behavior: a reorg deeper than the kept history indexes everything anew', async () => {
    const { provider } = fixture
    const runner = await fixture.startRunner({ historyBlocks: 3 })
    const snapshot = await provider.send('evm_snapshot', [])
    for (let count = 0; count < 6; count++) await ask(fixture)
    await fixture.indexed(runner)
    const tooOld = (runner.head()?.number ?? 0) - 4
    const { errors } = await post(runner.url, `{ jobs(block: { number: ${tooOld} }) { id } }`)
    expect(errors?.[0]?.message).toMatch(/only has data starting at block number \d+/)
    await provider.send('evm_revert', [snapshot])
    for (let count = 0; count < 8; count++) await ask(fixture, '0x09')
    await fixture.indexed(runner)
    await fixture.indexed()
    const all = '{ jobs { id blockHash input } workers { id } models { id } results { id } }'
    expect(await post(runner.url, all)).toEqual(await post(fixture.runner.url, all))
  })

  it('behavior: after a restart of the runner and of the reader nothing is read twice or left out', async () => {
    const listenPort = Number(new URL(fixture.runner.url).port)
    const reader = consumer(fixture.runner.url)
    const stop = await reader.start()
    await ask(fixture)
    await ask(fixture)
    await reader.until(() => reader.jobs.size === 2)
    await stop()
    await fixture.runner.stop()
    await ask(fixture)
    reader.jobs.clear()
    await reader.start()
    const runner = await fixture.startRunner({ listenPort })
    await reader.until(() => reader.jobs.size === 1)
    expect([...reader.jobs.keys()]).toEqual([3n])
    expect(reader.reorgs).toEqual([])
    await runner.stop()
  })

  it('behavior: while the chain cannot be read the runner answers from what it has, says so once, and goes on', async () => {
    const proxy = await startProxy(fixture.rpcUrl)
    undo.push(proxy.stop)
    const said: { level: string; message: string; fields: object }[] = []
    const runner = await fixture.startRunner({ rpcUrl: proxy.url, logger: silentLogger(said) })
    await fixture.indexed(runner)
    proxy.isDown = true
    await proxy.refused(3)
    await ask(fixture)
    expect((await post(runner.url, '{ jobs { id } _meta { hasIndexingErrors } }')).data).toEqual({
      jobs: [],
      _meta: { hasIndexingErrors: false }
    })
    proxy.isDown = false
    await fixture.indexed(runner)
    expect((await post(runner.url, '{ jobs { jobId } }')).data).toEqual({ jobs: [{ jobId: '1' }] })
    expect(said.map(({ level }) => level)).toEqual(['warn'])
  })

  it('behavior: a failed handler stops the subgraph before its block, and queries tell of it', async () => {
    const built = new URL('../../../subgraph/build', import.meta.url).pathname
    const buildDir = await mkdtemp(join(tmpdir(), 'buffalo-subgraph-'))
    undo.push(() => rm(buildDir, { recursive: true }))
    await cp(built, buildDir, { recursive: true })
    const schemaFile = join(buildDir, 'schema.graphql')
    // The mapping sets a field that this schema does not have.
    await writeFile(schemaFile, (await readFile(schemaFile, 'utf8')).replace('  dataHash: Bytes!\n', ''))

    const before = await fixture.provider.getBlockNumber()
    const created = await ask(fixture)
    const said: { level: string; message: string; fields: object }[] = []
    const runner = await fixture.startRunner({ buildDir, logger: silentLogger(said) })
    await runner.waitForBlock(before, AbortSignal.timeout(20_000))
    const meta = '_meta { block { number } hasIndexingErrors }'
    const { data, errors } = await untilFailed(runner.url, `{ ${meta} jobs { id } models { id } }`)
    expect(data).toEqual({ _meta: { block: { number: before }, hasIndexingErrors: true } })
    expect(errors).toEqual([{ message: 'indexing_error' }])
    const allowed = await post(runner.url, `{ models(subgraphError: allow) { registered } }`)
    expect(allowed).toMatchObject({
      data: { models: [{ registered: true }] },
      errors: [{ message: 'indexing_error' }]
    })
    expect(said.map(({ level }) => level)).toEqual(['error'])
    expect(created.jobId).toBe(1n)
  })
})

async function untilFailed(url: string, query: string) {
  for (;;) {
    const answer = await post(url, query)
    if (answer.errors !== undefined) return answer
  }
}

/** Passes requests on to the chain, unless it is down. */
async function startProxy(target: string) {
  const proxy = { url: '', isDown: false, refused, stop }
  let count = 0
  let counted = Promise.withResolvers<void>()
  const server = createServer((incoming, response) => {
    if (proxy.isDown) {
      count++
      counted.resolve()
      counted = Promise.withResolvers<void>()
      response.writeHead(503).end()
      return
    }
    const passed = forward(target, { method: incoming.method, headers: incoming.headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  async function refused(wanted: number): Promise<void> {
    while (count < wanted) await counted.promise
  }
  async function stop(): Promise<void> {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return proxy
}
