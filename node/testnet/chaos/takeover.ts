import { localTiming, TimeoutError } from '../../../src/interface/index.js'
import { sleep } from '../../wait.js'
import { loadSamples, type Sample } from '../samples.js'
import { auditChain } from './audit.js'
import { abortable, type Ground, prepareGround, type Told, type TrialInit } from './ground.js'
import { createClient } from './load.js'
import { percentile } from './percentile.js'
import { seededRandom } from './random.js'

export interface TakeoverInit extends TrialInit {
  kills: number
}

/** One holder that was killed while it ran a job. */
export interface Takeover {
  jobId: string
  killed: string
  takenBy: string
  /** From the kill to the start of the next worker's execution. */
  startedAfterMs: number
  /** From the kill to the transaction that finalised the job. */
  finalAfterMs: number
}

export interface TakeoverReport {
  ok: boolean
  leaseMs: number
  slotMs: number
  /** p99 must not exceed L + 2Δ + 1 s. */
  boundMs: number
  kills: number
  /** Holders that had finished before the kill came; not counted. */
  tooLate: number
  started: { p50Ms: number; p99Ms: number; maxMs: number }
  final: { p50Ms: number; p99Ms: number; maxMs: number }
  takeovers: Takeover[]
  faults: string[]
}

/** L + 2Δ + 1 s: the lease runs out, the next rank waits for its slot, and a second is for a busy machine. */
export const takeoverBoundMs = (leaseMs: number): number => leaseMs + 2 * localTiming.slotMs + 1_000
/** A job that has not been taken over by then is a fault. */
const waitTimeoutMs = 60_000
/** A worker claims nothing before it has listened for one and a half presence intervals; this is twice that. */
const joinMs = 3 * localTiming.presenceIntervalMs

/** Kills the holder of a job while it runs it, again and again, and measures how long the job lies still. */
export async function measureTakeover(init: TakeoverInit): Promise<TakeoverReport> {
  const ground = await prepareGround({ ...init, proxies: false, links: 'gater' })
  const samples = await loadSamples()
  const client = createClient({ ...ground, account: ground.spareAccount(0), random: seededRandom(1) })
  const takeovers: Takeover[] = []
  let tooLate = 0
  let report: TakeoverReport | undefined
  try {
    await sleep(joinMs, init.signal)
    for (let index = 0; takeovers.length < init.kills; index++) {
      const sample = samples[index % samples.length] as Sample
      const one = await abortable(
        killHolder(ground, () => client.ask(sample)),
        init.signal
      )
      if (one === undefined) tooLate++
      else {
        takeovers.push(one)
        init.onStep(
          `Kill ${takeovers.length} of ${init.kills}: ${one.killed} killed, ${one.takenBy} began after ${one.startedAfterMs} ms`
        )
      }
      await sleep(joinMs, init.signal)
    }
    const { faults } = await auditChain({ ...ground, samples })
    const started = percentiles(takeovers.map(one => one.startedAfterMs))
    const boundMs = takeoverBoundMs(init.leaseMs)
    if (started.p99Ms > boundMs) faults.push(`p99 is ${started.p99Ms} ms, and the bound ${boundMs} ms`)
    faults.push(...ground.fleet.crashes())
    report = {
      ok: faults.length === 0,
      leaseMs: init.leaseMs,
      slotMs: localTiming.slotMs,
      boundMs,
      kills: takeovers.length,
      tooLate,
      started,
      final: percentiles(takeovers.map(one => one.finalAfterMs)),
      takeovers,
      faults
    }
    return report
  } finally {
    await ground.stop({ keepFiles: report?.ok === false })
  }
}

/** Undefined if the holder had finished before the kill came. */
async function killHolder(
  { fleet, told, onTold }: Ground,
  request: () => Promise<{ jobId: bigint }>
): Promise<Takeover | undefined> {
  const from = told.length
  let killedAtMs: number | undefined
  const victim = Promise.withResolvers<Told>()
  const listener = (one: Told): void => {
    // Killed here and now: an execution takes a few tenths of a second.
    if (one.event.type === 'execution:started' && killedAtMs === undefined) {
      killedAtMs = Date.now()
      fleet
        .node(one.node)
        .kill()
        .then(() => victim.resolve(one), victim.reject)
    }
  }
  const stopListening = onTold(listener)
  const { jobId } = await request()
  const { node } = await within(victim.promise, 'no worker began to run a job').finally(stopListening)
  const atMs = killedAtMs as number

  const events = (): Told[] => told.slice(from).filter(one => one.event.jobId === jobId)
  if (events().some(one => one.node === node && one.event.type === 'execution:finished')) {
    await until(() => events().some(({ event }) => event.type === 'job:final'), `job ${jobId} is not final`)
    await fleet.node(node).start()
    return undefined
  }
  const isNext = (one: Told): boolean => one.node !== node && one.event.type === 'execution:started'
  await until(() => events().some(isNext), `nobody took over job ${jobId} of ${node}`)
  const isFinal = ({ event }: Told): boolean => event.type === 'submission:accepted'
  await until(() => events().some(isFinal), `job ${jobId} is not final`)
  const next = events().find(isNext) as Told
  const final = events().find(isFinal) as Told
  await fleet.node(node).start()
  return {
    jobId: jobId.toString(),
    killed: node,
    takenBy: next.node,
    startedAfterMs: next.event.atMs - atMs,
    finalAfterMs: final.event.atMs - atMs
  }
}

async function until(isSo: () => boolean, otherwise: string): Promise<void> {
  const deadlineMs = Date.now() + waitTimeoutMs
  while (!isSo()) {
    if (Date.now() >= deadlineMs) throw new TimeoutError(`After ${waitTimeoutMs / 1_000} s ${otherwise}`)
    await sleep(10)
  }
}

async function within<T>(work: Promise<T>, otherwise: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new TimeoutError(`After ${waitTimeoutMs / 1_000} s ${otherwise}`)),
    waitTimeoutMs
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function percentiles(values: number[]): TakeoverReport['started'] {
  return {
    p50Ms: percentile(values, 50),
    p99Ms: percentile(values, 99),
    maxMs: percentile(values, 100)
  }
}
