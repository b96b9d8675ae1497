import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { TopicKind } from '../../src/gossip/topic.js'
import type { Hex, PeerKey } from '../../src/interface/index.js'
import { peerKeyOf } from '../../src/network/identity.js'
import type { Contender } from '../contender.js'
import { round } from '../statistics.js'
import type { NodeInit, NodeReport } from './messages.js'
import { type NodeProcess, startNodeProcess } from './node-process.js'
import { accountOf } from './registry.js'

const WORKERS = 3
const WARM_UP_IN_FLIGHT = 200
const READY_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 5_000

/** What the nodes counted. */
export interface BuffaloReport {
  /** Warm-up included, as in the executions. */
  jobs: number
  executionsPerJob: number
  leasesLost: number
  /**
   * Signed messages published, by all nodes together, for each job after the warm-up. Presence is left out: it grows
   * with time, not jobs.
   */
  messagesPerJob: Record<'jobs' | 'leases' | 'results', number>
  /** Bytes of these messages for each job, each message counted once. */
  bytesPerJob: number
  cpuMsPerJob: { sequencer: number; workers: number }
  memoryMb: number[]
  complaints: string[]
}

export interface ClusterInit {
  dir: string
  /** Workers listen for 1.5 s before they claim; then the code is run in, as in a node that has been up for a minute. */
  warmUpJobs: number
  /** For the nodes' processes: `--cpu-prof`. */
  nodeArguments?: string[]
}

/** 1 sequencer and 3 workers, each a process of its own, over libp2p on the loopback interface. */
export async function startCluster({
  dir,
  warmUpJobs,
  nodeArguments = []
}: ClusterInit): Promise<Contender<BuffaloReport>> {
  const roles = ['sequencer', ...Array.from({ length: WORKERS }, () => 'worker' as const)] as const
  const identities = await Promise.all(roles.map(() => generateKeyPair('Ed25519')))
  const registry = identities.map((identity): [Hex, PeerKey] => {
    const key = peerKeyOf(identity)
    return [accountOf(key), key]
  })
  const nodes: NodeProcess[] = []
  const bootstrap: string[] = []
  let jobs = 0

  const reports = (): Promise<NodeReport[]> => Promise.all(nodes.map(node => node.ask({ kind: 'report' })))
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(node => node.stop(STOP_TIMEOUT_MS)))
  }

  async function start(): Promise<NodeProcess> {
    for (const [index, identity] of identities.entries()) {
      const node = startNodeProcess(`${roles[index]} ${index}`, nodeArguments)
      nodes.push(node)
      const dataDir = join(dir, `node-${index}`)
      await mkdir(dataDir, { recursive: true })
      const init: NodeInit = {
        role: roles[index] ?? 'worker',
        dataDir,
        privateKey: privateKeyToProtobuf(identity),
        bootstrap: [...bootstrap],
        registry
      }
      const { addresses } = await node.ask({ kind: 'start', init })
      bootstrap.push(...addresses)
    }
    const [first] = nodes
    if (first === undefined) throw new Error('There is no sequencer')
    await connected()
    await first.ask({
      kind: 'stream',
      stream: { seconds: 60, jobs: warmUpJobs, inFlight: WARM_UP_IN_FLIGHT }
    })
    jobs += warmUpJobs
    return first
  }

  /** Until each worker knows the others: from then on, each job has one owner. */
  async function connected(): Promise<void> {
    const lateMs = performance.now() + READY_TIMEOUT_MS
    for (const [index, node] of nodes.entries()) {
      const wanted = roles[index] === 'worker' ? WORKERS - 1 : WORKERS
      while ((await node.ask({ kind: 'peers' })) < wanted) {
        if (performance.now() > lateMs) throw new Error('The nodes did not find each other in time')
        await sleep(50)
      }
    }
  }

  try {
    const sequencer = await start()
    const before = await reports()
    return {
      async roundTrips(count) {
        jobs += count
        return sequencer.ask({ kind: 'round-trips', count })
      },
      async stream(stream) {
        const outcome = await sequencer.ask({ kind: 'stream', stream })
        jobs += outcome.jobs
        return outcome
      },
      async report() {
        return summary(jobs, warmUpJobs, before, await reports())
      },
      stop
    }
  } catch (err) {
    await stop()
    throw err
  }
}

function summary(jobs: number, warmUpJobs: number, before: NodeReport[], after: NodeReport[]): BuffaloReport {
  const sum = (reports: NodeReport[], value: (report: NodeReport) => number): number =>
    reports.reduce((total, report) => total + value(report), 0)
  const perJob = (value: (report: NodeReport) => number, decimals: number): number =>
    round((sum(after, value) - sum(before, value)) / (jobs - warmUpJobs), decimals)
  const messages = (kind: TopicKind): number => perJob(({ traffic }) => traffic[kind].published, 4)
  const bytes = ({ traffic }: NodeReport): number =>
    traffic.jobs.publishedBytes + traffic.leases.publishedBytes + traffic.results.publishedBytes
  const cpuMs = (role: NodeReport['role']): number =>
    perJob(report => (report.role === role ? report.cpuMs : 0), 3)
  return {
    jobs,
    executionsPerJob: sum(after, ({ executions }) => executions) / jobs,
    leasesLost: sum(after, ({ leasesLost }) => leasesLost),
    messagesPerJob: { jobs: messages('jobs'), leases: messages('leases'), results: messages('results') },
    bytesPerJob: perJob(bytes, 1),
    cpuMsPerJob: { sequencer: cpuMs('sequencer'), workers: cpuMs('worker') },
    memoryMb: after.map(({ memoryMb }) => round(memoryMb, 0)),
    complaints: [...new Set(after.flatMap(({ complaints }) => complaints))]
  }
}
