import { scoreThresholds } from '../../../src/network/gossipsub-pubsub.js'
import type { NodeHealth } from '../../control.js'
import { sleep } from '../../wait.js'
import { loadSamples } from '../samples.js'
import { auditChain, countJobs } from './audit.js'
import { abortable, type Ground, prepareGround, type TrialInit } from './ground.js'
import { type HostilePeer, type HostileReport, startHostilePeer } from './hostile-peer.js'
import { createClient, type Load, startLoad } from './load.js'
import { percentile } from './percentile.js'
import { seededRandom } from './random.js'

export interface HostileTrialInit extends TrialInit {
  seconds: number
  /** Between two requests of the client. */
  intervalMs: number
  /** Whether the hostile identities are registered as workers. */
  isRegistered: boolean
}

/** What one node was like under attack. */
export interface NodeUnderAttack {
  node: string
  /** When it was ready; after a minute of work, before the attack; and at most during it. */
  rssReadyMb: number
  rssBeforeMb: number
  rssMaxMb: number
  grewMb: number
  eventLoop: NodeHealth['eventLoop']
}

/** What became of one hostile identity. */
export interface ScoredOut extends HostileReport {
  /** Until it was below the graylist threshold or disconnected at each node, from the start; null: never. */
  scoredOutAfterMs: number | null
  /** Its lowest score at any node. */
  lowestScore: number
  /** Nodes that were connected to it when the attack ended. */
  connectedAtEnd: number
}

export interface HostileTrialReport {
  ok: boolean
  registered: boolean
  seconds: number
  /** Latencies from request to final: of jobs under attack, and of those before it. */
  jobs: {
    requested: number
    succeeded: number
    latencyP50Ms: number
    latencyP99Ms: number
    calmLatencyP50Ms: number
  }
  nodes: NodeUnderAttack[]
  hostile: ScoredOut[]
  bounds: { grewMb: number; eventLoopP99Ms: number }
  faults: string[]
}

const bounds = { grewMb: 100, eventLoopP99Ms: 200 }
/**
 * Nodes have run real jobs for so long before their memory is taken as a baseline. Measured without an attack: V8's heap
 * takes 45 to 75 MB more in the first minute of work, and little after that.
 */
const warmUpMs = 60_000
const sampleMs = 1_000
/** For what is open at the end of the attack. */
const settleMs = 60_000

/** Sends jobs through a network while a hostile peer attacks every node at full speed. */
export async function measureHostile(init: HostileTrialInit): Promise<HostileTrialReport> {
  const ground = await prepareGround({ ...init, proxies: false, links: 'gater' })
  let hostile: HostilePeer | undefined
  let report: HostileTrialReport | undefined
  try {
    const { fleet, network, provider } = ground
    const samples = await loadSamples()
    const client = createClient({ ...ground, account: ground.spareAccount(0), random: seededRandom(1) })
    const ready = await healthOf(ground)
    const load = startLoad({ client, samples, intervalMs: init.intervalMs })
    await sleep(warmUpMs, init.signal)
    const before = await healthOf(ground, { reset: true })
    const calm = latenciesOf(ground, load)

    init.onStep(`Attacking for ${init.seconds} s`)
    const startedAtMs = Date.now()
    hostile = await startHostilePeer({
      network,
      provider,
      targets: fleet.nodes.flatMap(node => node.info().addresses.slice(0, 1)),
      accounts: init.isRegistered ? [1, 2, 3, 4].map(ground.spareAccount) : undefined
    })
    const watch = watchAttack(ground, hostile.peers, { ready, before }, startedAtMs)
    while (Date.now() < startedAtMs + init.seconds * 1_000) {
      await sleep(sampleMs, init.signal)
      watch.sample(await healthOf(ground))
    }
    const after = await healthOf(ground)
    const reports = hostile.reports()
    await hostile.stop()
    await load.stop()

    init.onStep('Waiting for the last jobs')
    const deadlineMs = Date.now() + settleMs
    while ((await countJobs({ network, provider, samples })).open > 0 && Date.now() < deadlineMs) {
      await sleep(500, init.signal)
    }
    const { jobs, faults } = await abortable(auditChain({ network, provider, samples }), init.signal)
    const latencies = latenciesOf(ground, load, startedAtMs)
    const nodes = watch.nodes(after)
    const out = watch.hostile(reports, after)
    faults.push(...ground.fleet.crashes(), ...faultsOf(nodes, out))
    report = {
      ok: faults.length === 0,
      registered: init.isRegistered,
      seconds: init.seconds,
      jobs: {
        requested: jobs.length,
        succeeded: jobs.filter(job => job.succeeded === 1).length,
        latencyP50Ms: percentile(latencies, 50),
        latencyP99Ms: percentile(latencies, 99),
        calmLatencyP50Ms: percentile(calm, 50)
      },
      nodes,
      hostile: out,
      bounds,
      faults
    }
    return report
  } finally {
    await hostile?.stop()
    await ground.stop({ keepFiles: report?.ok === false })
  }
}

/** Of the jobs that were asked for since then and are final. */
function latenciesOf({ told }: Ground, load: Load, sinceMs = 0): number[] {
  const finalAtMs = new Map(
    told.flatMap(({ event }) =>
      event.type === 'submission:accepted' ? [[event.jobId, event.atMs] as const] : []
    )
  )
  return load.sent().flatMap(({ jobId, atMs }) => {
    const endMs = finalAtMs.get(jobId)
    return endMs === undefined || atMs < sinceMs ? [] : [endMs - atMs]
  })
}

type Healths = Map<string, NodeHealth | undefined>

async function healthOf({ fleet }: Ground, options?: { reset: boolean }): Promise<Healths> {
  return new Map(
    await Promise.all(fleet.nodes.map(async node => [node.name, await node.health(options)] as const))
  )
}

/** Keeps the highest memory of each node, and what each thinks of each hostile identity. */
function watchAttack(
  { fleet }: Ground,
  peers: HostilePeer['peers'],
  { ready, before }: { ready: Healths; before: Healths },
  startedAtMs: number
): {
  sample(healths: Healths): void
  nodes(after: Healths): NodeUnderAttack[]
  hostile(reports: HostileReport[], after: Healths): ScoredOut[]
} {
  const highestRss = new Map<string, number>()
  const lowestScore = new Map<string, number>()
  const outAtMs = new Map<string, number>()

  const isOut = (health: NodeHealth, peerId: string): boolean =>
    (health.peers.find(peer => peer.peerId === peerId)?.score ?? Number.NEGATIVE_INFINITY) <
    scoreThresholds.graylist

  function sample(healths: Healths): void {
    for (const [name, health] of healths) {
      if (health === undefined) continue
      highestRss.set(name, Math.max(highestRss.get(name) ?? 0, health.rssBytes))
      for (const { peerId, score } of health.peers) {
        lowestScore.set(peerId, Math.min(lowestScore.get(peerId) ?? 0, score))
      }
    }
    for (const { peerId } of peers) {
      const all = [...healths.values()]
      if (all.every(health => health !== undefined && isOut(health, peerId))) {
        if (!outAtMs.has(peerId)) outAtMs.set(peerId, Date.now())
      } else outAtMs.delete(peerId)
    }
  }

  const toMb = (bytes: number): number => Math.round(bytes / 1e5) / 10
  return {
    sample,
    nodes(after) {
      sample(after)
      return fleet.nodes.map(({ name }) => {
        const rssBefore = before.get(name)?.rssBytes ?? 0
        const rssMax = highestRss.get(name) ?? 0
        return {
          node: name,
          rssReadyMb: toMb(ready.get(name)?.rssBytes ?? 0),
          rssBeforeMb: toMb(rssBefore),
          rssMaxMb: toMb(rssMax),
          grewMb: toMb(rssMax - rssBefore),
          eventLoop: after.get(name)?.eventLoop ?? { p50Ms: -1, p99Ms: -1, maxMs: -1 }
        }
      })
    },
    hostile: (reports, after) =>
      reports.map(report => {
        const at = outAtMs.get(report.peerId)
        return {
          ...report,
          scoredOutAfterMs: at === undefined ? null : at - startedAtMs,
          lowestScore: Math.round(lowestScore.get(report.peerId) ?? 0),
          connectedAtEnd: [...after.values()].filter(health =>
            health?.peers.some(({ peerId }) => peerId === report.peerId)
          ).length
        }
      })
  }
}

function faultsOf(nodes: NodeUnderAttack[], hostile: ScoredOut[]): string[] {
  const faults: string[] = []
  for (const { node, grewMb, eventLoop } of nodes) {
    if (grewMb >= bounds.grewMb) faults.push(`${node} grew by ${grewMb} MB`)
    if (eventLoop.p99Ms < 0) faults.push(`${node} did not say how it is`)
    if (eventLoop.p99Ms >= bounds.eventLoopP99Ms) {
      faults.push(`the event loop of ${node} was ${eventLoop.p99Ms} ms late (p99)`)
    }
  }
  if (hostile.length === 0) faults.push('the hostile peer did not report')
  for (const { mode, scoredOutAfterMs } of hostile) {
    if (scoredOutAfterMs === null) faults.push(`the hostile peer (${mode}) was not scored out`)
  }
  return faults
}
