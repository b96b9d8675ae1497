import type { JobKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { EmitEvent } from '../interface/events.js'
import { type Job, type JobReference, JobStatus } from '../interface/job.js'
import type { Logger } from '../interface/logger.js'
import type { NetworkIdentity } from '../interface/settings.js'
import { jobKey } from './job-key.js'

/** Announced jobs that wait for their check: 100,000 of about 400 bytes are 40 MB. Later ones are announced again anyway. */
const MAX_PENDING = 100_000
/** How many jobs one look at the chain covers. */
const CHECK_BATCH = 500
/** A log that the chain does not show is looked for again after these waits: the endpoint may lag behind the sequencer. */
const MISSING_RETRY_MS = [250, 500, 1_000, 2_000, 4_000]
/** After an error of the endpoint the check is tried again after this long; the chain client backs off by itself. */
const UNAVAILABLE_RETRY_MS = 1_000
/** Jobs known to be final or false are remembered, so that an announcement that comes late costs no request. */
const MAX_REMEMBERED = 50_000

export interface IntakeInit {
  network: NetworkIdentity
  /** A job that is on chain as announced, and open. */
  onOpen(job: Job): void
  /** Whether the job has been taken in already. */
  has(job: JobKey): boolean
}

export interface IntakeComponents {
  chain: Pick<ChainReader, 'verifyJobs'>
  clock: Clock
  logger: Logger
  emit: EmitEvent
}

/** Checks announced jobs against the chain before anything else hears of them. */
export interface Intake {
  /** Takes an announcement; what is known, wrong by itself or too much is dropped. */
  announce(references: JobReference[]): void
  /** Jobs that are final: announcements of them are ignored from now on. */
  close(job: JobKey): void
  /** Whether the job waits for its check. */
  isPending(job: JobKey): boolean
  stop(): void
}

interface Pending {
  reference: JobReference
  attempts: number
  notBeforeMs: number
}

export function intake({ network, onOpen, has }: IntakeInit): (components: IntakeComponents) => Intake {
  return ({ chain, clock, logger, emit }) => {
    const pending = new Map<JobKey, Pending>()
    const remembered = new Set<JobKey>()
    const aborter = new AbortController()
    let checking = false
    let timer: Timer | undefined

    function remember(job: JobKey): void {
      remembered.add(job)
      const [oldest] = remembered
      if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
    }

    function dueBatch(): Pending[] {
      const nowMs = clock.now()
      const batch: Pending[] = []
      for (const entry of pending.values()) {
        if (entry.notBeforeMs > nowMs) continue
        batch.push(entry)
        if (batch.length === CHECK_BATCH) break
      }
      return batch
    }

    function schedule(delayMs: number): void {
      timer?.cancel()
      timer = clock.schedule(delayMs, check)
    }

    function check(): void {
      if (checking || aborter.signal.aborted) return
      const batch = dueBatch()
      if (batch.length === 0) {
        if (pending.size > 0) {
          const nextMs = Math.min(
            ...[...pending.values()].slice(0, CHECK_BATCH).map(entry => entry.notBeforeMs)
          )
          schedule(Math.max(1, nextMs - clock.now()))
        }
        return
      }
      checking = true
      verify(batch)
        .then(() => 0)
        .catch(err => {
          if (!aborter.signal.aborted)
            logger.debug({ err }, 'announced jobs could not be checked; trying again')
          return UNAVAILABLE_RETRY_MS
        })
        .then(delayMs => {
          checking = false
          if (aborter.signal.aborted) return
          if (delayMs === 0) check()
          else schedule(delayMs)
        })
    }

    async function verify(batch: Pending[]): Promise<void> {
      const verdicts = await chain.verifyJobs(
        batch.map(entry => entry.reference),
        aborter.signal
      )
      for (const [index, entry] of batch.entries()) {
        const verdict = verdicts[index]
        const { key, jobId } = entry.reference
        if (verdict === undefined || !pending.has(key)) continue
        if (verdict.kind === 'missing') {
          retryOrDrop(entry, verdict.reason)
          continue
        }
        pending.delete(key)
        emit({ type: 'job:verified', job: key, jobId, atMs: clock.now() })
        if (verdict.status === JobStatus.Open && verdict.job.deadlineMs > clock.now()) onOpen(verdict.job)
        else remember(key)
      }
    }

    function retryOrDrop(entry: Pending, reason: string): void {
      const { key, jobId } = entry.reference
      const delayMs = MISSING_RETRY_MS[entry.attempts]
      entry.attempts++
      if (delayMs !== undefined) {
        entry.notBeforeMs = clock.now() + delayMs
        return
      }
      // Not remembered: after a reorg back, the same job may be announced again with good reason.
      pending.delete(key)
      emit({ type: 'job:missing', job: key, jobId, atMs: clock.now(), reason })
      logger.debug({ jobId, reason }, 'an announced job is not on chain')
    }

    return {
      announce(references) {
        for (const reference of references) {
          const { key } = reference
          if (pending.size >= MAX_PENDING) break
          if (pending.has(key) || remembered.has(key) || has(key)) continue
          if (jobKey(network, reference) !== key) continue
          pending.set(key, { reference, attempts: 0, notBeforeMs: 0 })
        }
        check()
      },
      close(job) {
        pending.delete(job)
        remember(job)
      },
      isPending: job => pending.has(job),
      stop() {
        aborter.abort()
        timer?.cancel()
      }
    }
  }
}
