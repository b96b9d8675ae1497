import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../src/db/memory-database.js'
import { jobRepository } from '../../src/db/repositories/job.js'
import { gossip } from '../../src/gossip/gossip.js'
import {
  type Address,
  type Database,
  type Hex,
  type Job,
  type JobReference,
  JobStatus,
  type SyncTransport
} from '../../src/interface/index.js'
import { jobKey } from '../../src/job/job-key.js'
import { sequencer } from '../../src/sequencer.js'
import type { EntitySource } from '../../src/subgraph/client.js'
import type { JobRow, ResultRow } from '../../src/subgraph/rows.js'
import { manualClock } from '../helpers/manual-clock.js'
import { memoryNetwork } from '../helpers/memory-pubsub.js'
import { silentLogger } from '../helpers/silent-logger.js'
import { testNetwork, testTiming } from '../helpers/worker-cluster.js'

const hash = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`

function source<Row extends { id: Hex; blockNumber: number; blockHash: Hex }>(
  rows: Row[]
): EntitySource<Row> {
  const head = { blockNumber: 10, hasIndexingErrors: false }
  return {
    page: async ({ after = '0x', first }) => ({
      head,
      anchor: rows.find(({ id }) => id === after),
      rows: rows.filter(({ id }) => id > after).slice(0, first)
    }),
    anchors: async ids => ({ head, anchors: rows.filter(({ id }) => ids.includes(id)) })
  }
}

/** A sequencer on a subgraph in memory, and an ear that keeps what it announces. */
async function make(
  init: { deadlineAfterMs?: number; jobs?: number; onChain?: number; maxJobs?: number } = {}
) {
  const clock = manualClock()
  const net = memoryNetwork(clock)
  const heard: { atMs: number; jobs: JobReference[] }[] = []
  const numbers = Array.from({ length: init.jobs ?? 2 }, (_, index) => index + 1)
  const rows: JobRow[] = numbers.map(number => ({
    id: hash(number),
    status: 'Open',
    blockNumber: number,
    blockHash: hash(number),
    txHash: hash(number),
    logIndex: 0,
    dataHash: hash(number),
    deadline: Math.floor((clock.now() + (init.deadlineAfterMs ?? 3_600_000)) / 1_000)
  }))
  const results: ResultRow[] = []
  function addResult(jobId: number): void {
    const job = rows[jobId - 1]
    if (job === undefined) throw new Error(`there is no job ${jobId}`)
    job.status = 'Succeeded'
    results.push({
      id: `0x${(results.length + 1).toString(16).padStart(24, '0')}`,
      blockNumber: 10,
      blockHash: hash(10),
      txHash: hash(10),
      success: true,
      worker: null,
      job
    })
  }
  const onChain = init.onChain ?? rows.length
  const connected = new Set<string>()
  const registry = new Map<string, string>()
  const listeners = new Set<(peer: string) => void>()
  const sync: SyncTransport = {
    peers: () => [...connected],
    open: () => Promise.reject(new Error('not used')),
    serve() {},
    unserve() {},
    onConnect(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }

  const ear = gossip({ network: testNetwork, timing: testTiming })({
    pubsub: net.join('ear'),
    privateKey: await generateKeyPair('Ed25519'),
    clock,
    logger: silentLogger(),
    jobKeyOf: reference => jobKey(testNetwork, reference),
    handlers: {
      onJobs: jobs => void heard.push({ atMs: clock.now(), jobs }),
      onLeases() {},
      onResults() {},
      onPresence() {},
      isKnownJob: () => true
    }
  })
  await ear.start()

  async function start(database: Database) {
    const { maxJobs = 250_000 } = init
    const node = sequencer({ network: testNetwork, timing: testTiming, pollIntervalMs: 500, maxJobs })({
      pubsub: net.join('sequencer'),
      privateKey: await generateKeyPair('Ed25519'),
      database,
      subgraph: { jobs: source(rows), results: source(results) },
      sync,
      chain: {
        peerKeysOf: async accounts => accounts.map(account => registry.get(account.toLowerCase())),
        jobStatuses: async jobIds =>
          jobIds.map(jobId => (jobId <= onChain ? JobStatus.Open : JobStatus.None)),
        verifyJobs: async references =>
          references.map(reference =>
            reference.jobId <= onChain
              ? { kind: 'found', job: reference as Job, status: JobStatus.Open }
              : { kind: 'missing', reason: 'not there' }
          )
      },
      clock,
      random: () => 0.5,
      logger: silentLogger(),
      emit() {}
    })
    await node.start()
    return node
  }
  /** A worker that only says that it is there; registered, or not. */
  async function addWorker(isRegistered: boolean) {
    const privateKey: PrivateKey = await generateKeyPair('Ed25519')
    const worker = Buffer.from(privateKey.publicKey.raw).toString('hex')
    const account: Address = `0x${worker.slice(0, 40)}`
    if (isRegistered) registry.set(account, worker)
    const node = gossip({ network: testNetwork, timing: testTiming })({
      pubsub: net.join(worker),
      privateKey,
      clock,
      logger: silentLogger(),
      jobKeyOf: reference => jobKey(testNetwork, reference),
      handlers: { onJobs() {}, onLeases() {}, onResults() {}, onPresence() {}, isKnownJob: () => true }
    })
    await node.start()
    /** Says so in each presence interval for this long. */
    return async (durationMs: number): Promise<void> => {
      for (const endMs = clock.now() + durationMs; clock.now() < endMs; ) {
        const sentAtMs = clock.now()
        await node.publishPresence({ worker, account, models: [], capacity: 1, load: 0, sentAtMs })
        await clock.advance(testTiming.presenceIntervalMs)
      }
    }
  }
  /** Jobs that were heard since a moment. */
  const since = (atMs: number): bigint[] =>
    heard.filter(one => one.atMs > atMs).flatMap(({ jobs }) => jobs.map(({ jobId }) => jobId))
  return {
    clock,
    start,
    since,
    addWorker,
    addResult,
    connect(peer: string) {
      connected.add(peer)
      for (const tell of listeners) tell(peer)
    },
    disconnect: (peer: string) => connected.delete(peer)
  }
}

describe('a sequencer', () => {
  it('behavior: jobs past their deadline are let go, and not taken up again after a restart', async () => {
    const { clock, start, since } = await make({ deadlineAfterMs: 120_000 })
    const database = memoryDatabase()
    const first = await start(database)
    await clock.advance(100_000)
    expect(first.status().openJobs).toBe(2)
    expect(since(clock.now() - 31_000).sort()).toEqual([1n, 2n])
    // Their deadline, a minute for clocks that differ, and a look.
    await clock.advance(20_000 + 60_000 + 10_000)
    expect(first.status().openJobs).toBe(0)
    const pastMs = clock.now()
    await clock.advance(120_000)
    await first.stop()
    const again = await start(database)
    await clock.advance(60_000)
    expect(since(pastMs)).toEqual([])
    expect(again.status().openJobs).toBe(0)
    await again.stop()
  })

  it('behavior: one that was past its deadline while the sequencer was away is let go at its start', async () => {
    const { clock, start, since } = await make({ deadlineAfterMs: 120_000 })
    const database = memoryDatabase()
    const first = await start(database)
    await clock.advance(10_000)
    await first.stop()
    await clock.advance(200_000)
    const again = await start(database)
    expect(again.status().openJobs).toBe(0)
    await clock.advance(60_000)
    expect(since(clock.now() - 250_000)).toEqual([])
    await again.stop()
  })

  it('behavior: after a partition all open jobs are announced at once', async () => {
    const { clock, start, since, connect, disconnect } = await make()
    const node = await start(memoryDatabase())
    connect('worker')
    await clock.advance(200_000)
    disconnect('worker')
    await clock.advance(5_000)
    const healedMs = clock.now()
    connect('worker')
    await clock.advance(500)
    expect(since(healedMs).sort()).toEqual([1n, 2n])
    await node.stop()
  })

  it('behavior: made-up keys, however many, do not have the open jobs announced again', async () => {
    const { clock, start, since, addWorker } = await make()
    const node = await start(memoryDatabase())
    await clock.advance(200_000)
    const beforeMs = clock.now()
    for (let count = 0; count < 10; count++) await (await addWorker(false))(6_000)
    // In 60 s, twice, or once more: what is announced every 30 s.
    expect(since(beforeMs).length).toBeLessThanOrEqual(2 * 3)
    await node.stop()
  })

  it('behavior: for a registered worker that joins they are announced at once, and not each time that it comes back', async () => {
    const { clock, start, since, addWorker } = await make()
    const node = await start(memoryDatabase())
    await clock.advance(200_000)
    const say = await addWorker(true)
    const joinedMs = clock.now()
    await say(2 * testTiming.presenceIntervalMs)
    expect(since(joinedMs).sort()).toEqual([1n, 2n])

    await clock.advance(200_000)
    const backMs = clock.now()
    for (let times = 0; times < 4; times++) {
      await say(2 * testTiming.presenceIntervalMs)
      await clock.advance(20 * testTiming.presenceIntervalMs)
    }
    const seconds = (clock.now() - backMs) / 1_000
    expect(since(backMs).length).toBeLessThanOrEqual(2 * (Math.ceil(seconds / 30) + 1))

    await clock.advance(600_000)
    const lateMs = clock.now()
    await say(2 * testTiming.presenceIntervalMs)
    expect(since(lateMs).sort()).toEqual([1n, 2n])
    await node.stop()
  })

  it('behavior: a subgraph that makes up jobs fills neither its memory nor its announcements', async () => {
    const { clock, start, since } = await make({ jobs: 11_000, onChain: 100 })
    const node = await start(memoryDatabase())
    await clock.advance(20_000)
    expect(node.status().openJobs).toBe(10_100)
    const doubtedMs = clock.now()
    await clock.advance(40_000)
    expect(node.status().openJobs).toBe(10_100)
    expect(since(doubtedMs).every(jobId => jobId <= 100n)).toBe(true)
    expect(new Set(since(0)).size).toBeLessThanOrEqual(100 + 200)
    await node.stop()
  })

  it('behavior: while too many jobs are open no more are read', async () => {
    const { clock, start, addResult } = await make({ jobs: 30, maxJobs: 20 })
    const node = await start(memoryDatabase())
    await clock.advance(5_000)
    expect(node.status().openJobs).toBe(20)
    for (let job = 1; job <= 5; job++) addResult(job)
    await clock.advance(5_000)
    expect(node.status().openJobs).toBe(20)
    for (let job = 6; job <= 25; job++) addResult(job)
    await clock.advance(5_000)
    expect(node.status().openJobs).toBe(5)
    await node.stop()
  })

  it('behavior: of results without number the latest are kept', async () => {
    const { clock, start, addResult } = await make({ jobs: 30, maxJobs: 20 })
    for (let job = 1; job <= 30; job++) addResult(job)
    const database = memoryDatabase()
    const node = await start(database)
    await clock.advance(5_000)
    const stored: bigint[] = []
    for await (const { reference } of jobRepository(database).values()) stored.push(reference.jobId)
    expect(stored.toSorted((a, b) => Number(a - b))).toEqual(
      Array.from({ length: 20 }, (_, n) => BigInt(n + 11))
    )
    await node.stop()
  })
})
