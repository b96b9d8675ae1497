import { sleep } from '../../wait.js'
import { loadSamples } from '../samples.js'
import { auditChain, countJobs } from './audit.js'
import { duplicatesOf, executionsOf } from './executions.js'
import { abortable, type Ground, prepareGround, type TrialInit, untilFinal } from './ground.js'
import { type HealthFigures, healthWatch } from './health-watch.js'
import { inflictor } from './inflict.js'
import { checkInvariants, type InvariantName, type Verdict } from './invariants.js'
import type { LinkKind } from './links.js'
import { createClient, type Load, startLoad } from './load.js'
import { seededRandom } from './random.js'
import { labelOf, planFaults, scheduleHash } from './schedule.js'

export interface ChaosInit extends TrialInit {
  durationMs: number
  seed: number
  /** Between two requests of the client. */
  intervalMs: number
  /** How connections are cut. Undefined: by namespaces where they can be had. */
  links: LinkKind | undefined
}

export interface ChaosReport {
  ok: boolean
  seed: number
  seconds: number
  leaseMs: number
  sequencers: number
  workers: number
  /** How connections were cut: packets vanished between namespaces, or the nodes' gaters closed them, told over IPC. */
  links: LinkKind
  /** Why it was the gater although nobody asked for it. */
  linksBecause?: string
  schedule: string
  faultsCaused: Record<string, number>
  /** Faults that came when their node was down anyway. */
  faultsSkipped: number
  jobs: { requested: number; lostToReorgs: number; onChain: number; succeeded: number }
  executions: number
  duplicates: { count: number; parallel: number; because: Record<string, number> }
  settledAfterMs: number
  invariants: Record<InvariantName, Verdict>
  nodes: HealthFigures[]
  /** What broke. */
  faults: string[]
  /** Data directories and logs of a trial that failed. */
  directory?: string
}

/** No fault before it. */
const calmMs = 10_000
/** The schedule begins when so many jobs are final: a busy machine takes long until all models are warm. */
const warmUp = { jobs: 3, timeoutMs: 60_000 }
/** For what is open when the faults end: a node is started again, dials its peers, waits for leases of before, and runs a backlog. */
const maximalSettleMs = 120_000

/** Real processes and real jobs under a schedule of faults; then all faults end, and the chain is audited. */
export async function runChaos(init: ChaosInit): Promise<ChaosReport> {
  const ground = await prepareGround({ ...init, proxies: true })
  let report: ChaosReport | undefined
  const begun: { stop(): Promise<void> }[] = []
  try {
    report = await underFaults(init, ground, begun)
    return report
  } finally {
    // Who interrupts a trial does not look for what broke.
    const keepFiles = report?.ok !== true && !init.signal.aborted
    await Promise.all([ground.stop({ keepFiles }), ...begun.map(one => one.stop())])
  }
}

/** `begun`: what it has begun, and must be stopped however it ends. */
async function underFaults(
  init: ChaosInit,
  ground: Ground,
  begun: { stop(): Promise<void> }[]
): Promise<ChaosReport> {
  const { fleet, network, provider, told } = ground
  const { seed, durationMs, leaseMs, signal, onStep } = init
  const samples = await loadSamples()
  const plan = planFaults({
    seed,
    durationMs,
    calmMs,
    leaseMs,
    sequencers: namesOf(ground, 'sequencer'),
    workers: namesOf(ground, 'worker')
  })
  // The workers' registrations lie deeper than any reorg of the trial: a node registers only when it starts.
  await provider.send('anvil_mine', ['0x10'])
  const client = createClient({ ...ground, account: ground.spareAccount(0), random: seededRandom(seed) })
  const load = startLoad({ client, samples, intervalMs: init.intervalMs })
  begun.push(load)
  await untilFinal(ground, { ...warmUp, signal })
  const startedAtMs = Date.now()
  const { inflict, caused } = inflictor(ground, signal)
  const health = healthWatch(ground, caused)
  begun.push(health)
  const faults: string[] = []

  onStep(`${plan.length} faults in ${durationMs / 1_000} s, seed ${seed}`)
  const running = plan.map(async fault => {
    await sleep(Math.max(0, startedAtMs + fault.atMs - Date.now()), signal)
    onStep(`${((Date.now() - startedAtMs) / 1_000).toFixed(1)} s: ${JSON.stringify(fault)}`)
    await inflict(fault, ms => sleep(ms, signal)).catch((err: unknown) => {
      signal.throwIfAborted()
      faults.push(`${labelOf(fault)}: ${err instanceof Error ? err.message : String(err)}`)
    })
  })
  await abortable(Promise.all([...running, sleep(durationMs, signal)]), signal)

  onStep('No more faults: waiting until all is settled')
  await load.stop()
  await abortable(fleet.start(), signal)
  const settlingSinceMs = Date.now()
  const isSettled = await settle({ network, provider, samples, signal })
  const settleMs = Date.now() - settlingSinceMs
  await health.stop()

  const audit = await auditChain({ network, provider, samples })
  const executions = executionsOf(told, caused())
  const duplicates = duplicatesOf(executions, caused(), leaseMs)
  const firstFaultMs = Math.min(...caused().map(({ fromMs }) => fromMs))
  const invariants = checkInvariants({
    audit,
    told,
    executions,
    duplicates,
    caused: caused(),
    leaseMs,
    calmJobs: finalBefore(ground, load, firstFaultMs),
    knownJobs: new Set([...load.sent().map(({ jobId }) => jobId), ...audit.jobs.map(({ jobId }) => jobId)]),
    isSettled,
    settleMs,
    grewMb: health.growthUnderAttack(),
    finalUnderAttack: told.filter(
      ({ event }) =>
        event.type === 'submission:accepted' &&
        caused().some(
          ({ fault, fromMs, toMs = Number.POSITIVE_INFINITY }) =>
            fault.kind === 'hostile' && event.atMs >= fromMs && event.atMs <= toMs
        )
    ).length
  })
  faults.push(...fleet.crashes(), ...audit.faults, ...broken(invariants))
  return {
    ok: faults.length === 0,
    seed,
    seconds: durationMs / 1_000,
    leaseMs,
    sequencers: init.sequencers,
    workers: init.workers,
    links: ground.links.kind,
    ...(ground.links.because === undefined ? {} : { linksBecause: ground.links.because }),
    schedule: scheduleHash(plan),
    faultsCaused: tally(caused().map(({ fault }) => labelOf(fault))),
    faultsSkipped: plan.length - caused().length,
    jobs: {
      requested: load.sent().length,
      lostToReorgs: load.lost() + load.sent().length - audit.jobs.length,
      onChain: audit.jobs.length,
      succeeded: audit.jobs.filter(({ succeeded }) => succeeded === 1).length
    },
    executions: executions.length,
    duplicates: {
      count: duplicates.length,
      parallel: duplicates.filter(({ isParallel }) => isParallel).length,
      because: tally(duplicates.map(({ because }) => because ?? 'unexplained'))
    },
    settledAfterMs: settleMs,
    invariants,
    nodes: health.figures(),
    faults,
    ...(faults.length === 0 ? {} : { directory: ground.directory })
  }
}

function namesOf({ fleet }: Ground, role: string): string[] {
  return fleet.nodes.filter(node => node.role === role).map(({ name }) => name)
}

/** Whether all jobs became final in time, and stayed so. */
async function settle(init: Parameters<typeof countJobs>[0] & { signal: AbortSignal }): Promise<boolean> {
  const deadlineMs = Date.now() + maximalSettleMs
  // A second look after a while: a submission that is under way twice would show.
  for (let looks = 0; Date.now() < deadlineMs; await sleep(1_000, init.signal)) {
    looks = (await countJobs(init)).open === 0 ? looks + 1 : 0
    if (looks === 4) return true
  }
  return false
}

/** Jobs that were asked for and became final before `atMs`. */
function finalBefore({ told }: Ground, load: Load, atMs: number): Set<bigint> {
  const final = told.filter(({ event }) => event.type === 'submission:accepted' && event.atMs < atMs)
  const ids = new Set(final.map(({ event }) => event.jobId))
  return new Set(
    load
      .sent()
      .filter(one => one.atMs < atMs && ids.has(one.jobId))
      .map(({ jobId }) => jobId)
  )
}

function broken(invariants: Record<InvariantName, Verdict>): string[] {
  return Object.entries(invariants).flatMap(([name, { held, seen }]) =>
    held ? [] : [`${name} is broken: ${seen}`]
  )
}

function tally(labels: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const label of labels.sort()) counts[label] = (counts[label] ?? 0) + 1
  return counts
}
