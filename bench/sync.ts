import { fork } from 'node:child_process'
import { once } from 'node:events'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { Command, InvalidArgumentError } from 'commander'
import { memoryDatabase } from '../src/db/memory-database.js'
import { gossip } from '../src/gossip/gossip.js'
import { topicsOf } from '../src/gossip/topic.js'
import { type ExecutionRequest, localTiming, maximalLeaseMs, systemClock } from '../src/interface/index.js'
import { jobKey } from '../src/job/job-key.js'
import { leaseBook } from '../src/lease/lease-book.js'
import { createNetwork, type Network } from '../src/network/libp2p.js'
import { libp2pSyncTransport } from '../src/network/sync-transport.js'
import { jobIndex, sync } from '../src/sync/index.js'
import { syncPeerLimits } from '../src/sync-limits.js'
import { worker } from '../src/worker.js'
import { round } from './statistics.js'
import { benchModel, benchNetwork, makeHolders, makeJobs, openChain, sealAll, silent } from './sync-parts.js'

/** What a joining node is to reach at least. */
const marks = { seconds: 10, memoryMb: 400 }
/** Workers that hold the jobs. */
const HOLDERS = 10
/** How often the joining node is asked what it knows. */
const LOOK_MS = 20
const GIVE_UP_MS = 120_000
const MIB = 1024 * 1024

const self = fileURLToPath(import.meta.url)

interface Served {
  addresses: string[]
  holders: string[]
}

async function join(
  bootstrap: string[]
): Promise<{ network: Network; privateKey: Awaited<ReturnType<typeof newKey>> }> {
  const privateKey = await newKey()
  const network = await createNetwork(
    { privateKey, topics: topicsOf(benchNetwork), bootstrap },
    { clock: systemClock, logger: silent }
  )
  await network.start()
  return { network, privateKey }
}

const newKey = () => generateKeyPair('Ed25519')

/** The process that knows all: it holds the jobs and leases as a worker does, and serves them. */
async function serve(count: number): Promise<void> {
  const { network, privateKey } = await join([])
  const holders = await makeHolders(HOLDERS)
  const known = jobIndex()
  const jobs = [...makeJobs(count)]
  for (const job of jobs) known.add(job)
  const book = leaseBook({ slotMs: localTiming.slotMs, now: systemClock.now })
  const { batches, presences } = await sealAll(jobs, holders, maximalLeaseMs)
  for (const { leases, envelope } of batches) for (const lease of leases) book.add(lease, envelope)
  const topics = gossip({ network: benchNetwork, timing: localTiming })({
    pubsub: network.pubsub,
    privateKey,
    clock: systemClock,
    logger: silent,
    jobKeyOf: reference => jobKey(benchNetwork, reference),
    handlers: { onJobs() {}, onLeases() {}, onResults() {}, onPresence() {}, isKnownJob: () => true }
  })
  const service = sync()({
    transport: libp2pSyncTransport({ libp2p: network.libp2p, logger: silent }),
    jobs: known,
    source: { leases: () => book.envelopes(systemClock.now()), presences: () => presences, proofs: () => [] },
    sink: { onJobs() {}, onClosed() {}, async onEnvelope() {}, async onProof() {} },
    codec: topics.jobCodec,
    limits: syncPeerLimits({ clock: systemClock }),
    clock: systemClock,
    random: Math.random,
    logger: silent
  })
  await service.start()
  process.send?.({ addresses: network.addresses(), holders: holders.map(({ key }) => key) } satisfies Served)
  await once(process, 'disconnect')
  process.exit(0)
}

async function measure(count: number, { addresses, holders }: Served) {
  const baseBytes = process.memoryUsage.rss()
  const { network, privateKey } = await join(addresses)
  const chain = openChain(holders)
  const noExecution = (request: ExecutionRequest): Promise<never> =>
    Promise.reject(new Error(`${request.manifest} was run, though others hold all jobs`))
  const node = worker({
    network: benchNetwork,
    timing: localTiming,
    account: benchNetwork.registry,
    capacity: 1,
    unservedAfterMs: 60_000,
    drainMs: 0
  })({
    pubsub: network.pubsub,
    sync: libp2pSyncTransport({ libp2p: network.libp2p, logger: silent }),
    privateKey,
    database: memoryDatabase(),
    chain,
    executor: { start() {}, stop() {}, execute: noExecution },
    catalog: {
      knowsTask: () => true,
      models: () => [benchModel],
      resolve: location => location.replace('ipfs://', '')
    },
    content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
    createSubmitter: () => ({ start() {}, stop() {}, enqueue() {}, drain: async () => {} }),
    clock: systemClock,
    logger: silent,
    emit() {}
  })
  const startedMs = performance.now()
  await node.start()
  let jobsMs: number | undefined
  let leasesMs: number | undefined
  let longestPauseMs = 0
  let lookedMs = performance.now()
  while (leasesMs === undefined && performance.now() - startedMs < GIVE_UP_MS) {
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    longestPauseMs = Math.max(longestPauseMs, performance.now() - lookedMs - LOOK_MS)
    lookedMs = performance.now()
    const { openJobs, leases } = node.status()
    if (jobsMs === undefined && openJobs >= count) jobsMs = lookedMs - startedMs
    if (jobsMs !== undefined && leases >= count) leasesMs = lookedMs - startedMs
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024
  await node.stop()
  await network.stop()
  const seconds = leasesMs === undefined ? undefined : leasesMs / 1_000
  const memoryMb = Math.round(peakBytes / MIB)
  return {
    ok: seconds !== undefined && seconds <= marks.seconds && memoryMb < marks.memoryMb,
    marks,
    jobs: count,
    secondsToJobs: jobsMs === undefined ? null : round(jobsMs / 1_000, 2),
    secondsToLeases: seconds === undefined ? null : round(seconds, 2),
    /** Of the whole process, at its highest. */
    memoryMb,
    memoryBeforeMb: Math.round(baseBytes / MIB),
    longestPauseMs: Math.round(longestPauseMs),
    checkedOnChain: chain.verified(),
    loadBefore: round(loadavg()[0] ?? 0, 2),
    node: process.version
  }
}

async function main(count: number, json: boolean): Promise<void> {
  const server = fork(self, ['--serve', '--jobs', String(count)])
  try {
    const failed = once(server, 'exit').then(() => {
      throw new Error('The process that serves has ended')
    })
    const [served] = (await Promise.race([once(server, 'message'), failed])) as [Served]
    failed.catch(() => {})
    const report = await measure(count, served)
    process.stdout.write(
      json
        ? `${JSON.stringify(report)}\n`
        : `${report.jobs} jobs in ${report.secondsToJobs} s, with their leases in ${report.secondsToLeases} s (mark: ${marks.seconds} s)\n` +
            `${report.memoryMb} MB at most (mark: ${marks.memoryMb} MB), ${report.memoryBeforeMb} MB before; ` +
            `longest pause of the event loop ${report.longestPauseMs} ms; ${report.checkedOnChain} jobs checked on chain so far\n`
    )
    process.exitCode = report.ok ? 0 : 1
  } finally {
    if (server.connected) server.disconnect()
  }
}

const program = new Command('bench:sync')
  .description(
    'Measures how a joining node gets the open jobs and live leases of another, over libp2p, in processes of their own.'
  )
  .option(
    '--jobs <n>',
    'open jobs, each with a live lease',
    value => {
      const count = Number(value)
      if (!Number.isInteger(count) || count < 1 || count > 150_000)
        throw new InvalidArgumentError('must be a whole number from 1 to 150,000')
      return count
    },
    100_000
  )
  .option('--json', 'print one JSON object', false)
  .option('--serve', 'be the process that serves', false)
const options = program.parse().opts<{ jobs: number; json: boolean; serve: boolean }>()
await (options.serve ? serve(options.jobs) : main(options.jobs, options.json))
