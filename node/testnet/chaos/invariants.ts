import type { Audit } from './audit.js'
import type { Duplicate, Execution } from './executions.js'
import type { Told } from './ground.js'
import type { Caused } from './inflict.js'

/** What became of one invariant of docs/protocol.md in a trial. */
export interface Verdict {
  held: boolean
  /** How it was looked at. */
  how: string
  /** What broke it, or what was seen. */
  seen: string
}

export type InvariantName = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8'

export interface InvariantInit {
  audit: Audit
  told: Told[]
  executions: Execution[]
  duplicates: Duplicate[]
  caused: Caused[]
  leaseMs: number
  /** Ids of the jobs that were final before the first fault. */
  calmJobs: Set<bigint>
  /** Ids that the Oracle gave to anyone, on whatever chain. */
  knownJobs: Set<bigint>
  /** Final within the time that the network was given to settle. */
  isSettled: boolean
  settleMs: number
  /** How much each node grew during the attacks of hostile peers. */
  grewMb: { node: string; grewMb: number }[]
  /** Jobs that became final while a hostile peer attacked. */
  finalUnderAttack: number
}

/** As Done-when of a hostile peer has it. */
const maximalGrowthMb = 100
/** Faults that part nodes from each other, or from what they knew: what I3 makes an exception for. */
const partings = /^(kill|pause|isolate|cut|reorg)/

export function checkInvariants(init: InvariantInit): Record<InvariantName, Verdict> {
  return {
    I1: convergence(init),
    I2: oneExecution(init),
    I3: partitions(init),
    I4: liveness(init),
    I5: atMostOnce(init),
    I6: nothingLost(init),
    I7: constantMessages(init),
    I8: strangersHarmless(init)
  }
}

function convergence({ told, leaseMs }: InvariantInit): Verdict {
  const lost = told.flatMap(({ node, event }) =>
    event.type === 'lease:lost' ? [{ node, job: event.job, atMs: event.atMs, holder: event.holder }] : []
  )
  const keyOf = new Map(lost.map(one => [one.node, one]))
  const mutual = lost.filter(one =>
    lost.some(
      other =>
        other.job === one.job &&
        other.node !== one.node &&
        Math.abs(other.atMs - one.atMs) < leaseMs &&
        other.holder !== one.holder &&
        keyOf.has(other.node)
    )
  )
  return {
    held: mutual.length === 0,
    how: 'no two workers gave one job up to two different holders within one lease; the property itself is tested by test/unit/lease/holder.test.ts',
    seen: `${lost.length} leases were given up to a better one, ${mutual.length} in disagreement`
  }
}

function oneExecution({ executions, duplicates, calmJobs }: InvariantInit): Verdict {
  const calm = executions.filter(({ jobId }) => calmJobs.has(jobId))
  const unexplained = duplicates.filter(({ because }) => because === undefined)
  return {
    held: calm.length === calmJobs.size && calmJobs.size > 0 && unexplained.length === 0,
    how: 'jobs that were final before the first fault ran once each, and every later execution beyond the first overlaps a fault of a node that ran it',
    seen: `${calmJobs.size} jobs without faults took ${calm.length} executions; ${unexplained.length} of ${duplicates.length} duplicates are unexplained${list(unexplained)}`
  }
}

function partitions({ duplicates }: InvariantInit): Verdict {
  const parallel = duplicates.filter(({ isParallel }) => isParallel)
  const unexplained = parallel.filter(({ because }) => because === undefined || !partings.test(because))
  return {
    held: unexplained.length === 0,
    how: 'executions of one job that overlap in time lie within a kill, pause, cut, partition or reorg that touched their nodes, or within 10 s after it',
    seen: `${parallel.length} overlapping executions, ${unexplained.length} without such a fault${list(unexplained)}`
  }
}

function liveness({ audit, isSettled, settleMs }: InvariantInit): Verdict {
  const open = audit.jobs.filter(({ succeeded, failed }) => succeeded + failed === 0)
  return {
    held: isSettled && open.length === 0,
    how: 'after the last fault every job of the final chain became final within the time to settle',
    seen: `${audit.jobs.length - open.length} of ${audit.jobs.length} jobs final ${Math.round(settleMs / 100) / 10} s after the last fault${open.length === 0 ? '' : `; open: ${open.map(({ jobId }) => jobId).join(', ')}`}`
  }
}

function atMostOnce({ audit }: InvariantInit): Verdict {
  const bad = audit.jobs.filter(
    ({ succeeded, failed, callbacks, credited, payment }) =>
      succeeded + failed !== 1 || callbacks !== 1 || credited !== payment
  )
  return {
    held: bad.length === 0,
    how: 'JobSucceeded, JobFailed, CallbackCalled and Credited logs of each job of the final chain, by RPC; what the client contract stored',
    seen: `${audit.jobs.length - bad.length} of ${audit.jobs.length} jobs with one finalisation, one callback, and payment to the wei`
  }
}

function nothingLost({ executions, caused }: InvariantInit): Verdict {
  // The result is written right after the event: a node killed within this time may have had none yet.
  const writeMs = 1_000
  const again = executions.filter(one =>
    executions.some(
      before =>
        before.job === one.job &&
        before.node === one.node &&
        before.end === 'finished' &&
        before.endMs < one.startMs &&
        !caused.some(
          ({ fault, fromMs }) =>
            fault.kind === 'kill' &&
            fault.node === one.node &&
            fromMs >= before.endMs &&
            fromMs < before.endMs + writeMs
        )
    )
  )
  return {
    held: again.length === 0,
    how: 'no node ran a job again that it had finished and stored, over all its restarts',
    seen: `${again.length} jobs were run again by the node that had their result`
  }
}

function constantMessages({ told, calmJobs }: InvariantInit): Verdict {
  const count = (type: string): number =>
    told.filter(({ event }) => event.type === type && calmJobs.has(event.jobId)).length
  const claims = count('lease:acquired')
  return {
    held: claims === calmJobs.size,
    how: 'without faults each job was claimed once; that messages do not grow with workers is measured by npm run sim',
    seen: `${calmJobs.size} jobs, ${claims} claims, ${count('lease:renewed')} renewals, ${count('job:announced')} announcements`
  }
}

function strangersHarmless({
  executions,
  knownJobs,
  grewMb,
  finalUnderAttack,
  caused
}: InvariantInit): Verdict {
  const attacks = caused.filter(({ fault }) => fault.kind === 'hostile').length
  const foreign = executions.filter(({ jobId }) => !knownJobs.has(jobId))
  const grown = grewMb.filter(one => one.grewMb >= maximalGrowthMb)
  return {
    held: foreign.length === 0 && grown.length === 0 && (attacks === 0 || finalUnderAttack > 0),
    how: 'no job was run that the Oracle never had; during the attacks memory grew by less than 100 MB and jobs became final',
    seen: `${attacks} attacks, ${finalUnderAttack} jobs final meanwhile, ${foreign.length} foreign jobs run; growth ${grewMb.map(one => `${one.node} ${one.grewMb} MB`).join(', ')}`
  }
}

function list(duplicates: Duplicate[]): string {
  return duplicates.length === 0
    ? ''
    : `: ${duplicates
        .slice(0, 5)
        .map(({ jobId, first, again }) => `job ${jobId} on ${first.node}, then on ${again.node}`)
        .join('; ')}`
}
