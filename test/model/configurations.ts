/** One run of the model checker. */
export interface Configuration {
  name: string
  file: 'claim.pml' | 'holder.pml'
  /** What is checked, in one line. */
  property: string
  /** Names and values that the model is compiled with; see its head. */
  defines: Record<string, number | true>
  /** `fails`: a rule is broken on purpose, and what is found must hold this word. */
  expected: { kind: 'holds' } | { kind: 'fails'; assertion: string }
  /** A formula under weak fairness, in place of assertions. */
  liveness?: true
}

const holds = { kind: 'holds' } as const
const fails = (assertion: string) => ({ kind: 'fails', assertion }) as const

const oneSlotAtATime = { END: 5, CRASHES: 1, NO_CHAIN: true } as const
/** Four ticks a slot: the quarters of the rule for workers that are not the owner. */
const faultFree = {
  JOBS: 2,
  TICKS: 4,
  LEASE: 6,
  END: 9,
  GST: 0,
  WORK: 4,
  LATE: 8,
  CHECK_ONE_EXECUTION: true,
  CHECK_FINAL: true
} as const
const afterTheLease = { NO_LEASES: true, END: 1 } as const

export const configurations: Configuration[] = [
  {
    name: 'holder',
    file: 'holder.pml',
    property: 'I1: any 3 leases of 3 workers, honest or not, in any order and twice, give equal holders',
    defines: {},
    expected: holds
  },
  {
    name: 'holder, broken: the version heard last stands',
    file: 'holder.pml',
    property: 'I1',
    defines: { LAST_WINS: true },
    expected: fails('first==second')
  },
  {
    name: 'holder, broken: a full book refuses the next worker',
    file: 'holder.pml',
    property: 'I1',
    defines: { FIRST_WORKERS: 2 },
    expected: fails('first==second')
  },
  {
    name: 'whole',
    file: 'claim.pml',
    property: 'I5, I6, one claim a slot, one transaction a result; 2 workers, any network, 1 crash',
    defines: { END: 3, CRASHES: 1 },
    expected: holds
  },
  {
    name: 'leases',
    file: 'claim.pml',
    property:
      'no key signs two claims in one slot; no work stops for a later claim; 2 workers, any network, 1 crash',
    defines: oneSlotAtATime,
    expected: holds
  },
  {
    name: 'leases, two crashes',
    file: 'claim.pml',
    property: 'the same, 2 crashes',
    defines: { END: 4, CRASHES: 2, NO_CHAIN: true },
    expected: holds
  },
  {
    name: 'leases, three workers',
    file: 'claim.pml',
    property: 'the same, 3 workers, no crash',
    defines: { WORKERS: 3, END: 3, NO_CHAIN: true },
    expected: holds
  },
  {
    name: 'leases, broken: publish before persist',
    file: 'claim.pml',
    property: 'no key signs two claims in one slot',
    defines: { ...oneSlotAtATime, PUBLISH_FIRST: true },
    expected: fails('signatures')
  },
  {
    name: 'leases, broken: history forgotten with the lease',
    file: 'claim.pml',
    property: 'no key signs two claims in one slot',
    defines: { ...oneSlotAtATime, FORGET_HISTORY: true },
    expected: fails('signatures')
  },
  {
    name: 'fault-free',
    file: 'claim.pml',
    property: 'I2: each job runs once, and is final before its deadline; 2 jobs, 2 workers with room for 1',
    defines: faultFree,
    expected: holds
  },
  {
    name: 'fault-free, three workers',
    file: 'claim.pml',
    property: 'I2 of one job, 3 workers',
    defines: { ...faultFree, JOBS: 1, WORKERS: 3, END: 14 },
    expected: holds
  },
  {
    name: 'fault-free, broken: others claim at any time of a slot',
    file: 'claim.pml',
    property: 'I2',
    defines: { ...faultFree, NO_QUARTER: true },
    expected: fails('executions')
  },
  {
    name: 'delay',
    file: 'claim.pml',
    property: 'messages up to a slot late: no work stops for a later claim, nobody begins a job again',
    defines: { DELAY: true, END: 6 },
    expected: holds
  },
  {
    name: 'delay, broken: a renewal replaces the start',
    file: 'claim.pml',
    property: 'no work stops for a later claim',
    defines: { DELAY: true, END: 6, REPLACE_START: true },
    expected: fails('firstSlot')
  },
  {
    name: 'after the lease',
    file: 'claim.pml',
    property: 'I5, I6, one transaction a result, whoever runs the job; 2 workers, 2 crashes, 2 reorgs',
    defines: { ...afterTheLease, CRASHES: 2, REORGS: 2 },
    expected: holds
  },
  {
    name: 'after the lease, three workers',
    file: 'claim.pml',
    property: 'the same, 3 workers, 1 crash, 1 reorg',
    defines: { ...afterTheLease, WORKERS: 3, CRASHES: 1, REORGS: 1 },
    expected: holds
  },
  {
    name: 'after the lease, broken: no check that the job is open',
    file: 'claim.pml',
    property: 'I5',
    defines: { ...afterTheLease, NO_ONCE: true },
    expected: fails('finalisations')
  },
  {
    name: 'after the lease, broken: send before the outbox',
    file: 'claim.pml',
    property: 'one transaction a result',
    defines: { ...afterTheLease, CRASHES: 1, BROADCAST_FIRST: true },
    expected: fails('transactions')
  },
  {
    name: 'after the lease, broken: the result is not stored',
    file: 'claim.pml',
    property: 'I6',
    defines: { ...afterTheLease, NO_STORE: true },
    expected: fails('result')
  },
  {
    name: 'bounded liveness',
    file: 'claim.pml',
    property: 'I4: 1 crash and any network for 2 slots, then none: final within L + 2 slots',
    defines: { GST: 2, CRASHES: 1, LEASE: 2, END: 6, CHECK_FINAL: true },
    expected: holds
  },
  {
    name: 'bounded liveness, slow work and a reorg',
    file: 'claim.pml',
    property:
      'I4: 1 crash, 1 reorg and any network for 1 slot, work and block take up to a slot each: final within L + 3 slots',
    defines: { GST: 1, CRASHES: 1, REORGS: 1, WORK: 1, END: 7, CHECK_FINAL: true },
    expected: holds
  },
  {
    name: 'liveness',
    file: 'claim.pml',
    property: 'I4 under weak fairness: final at some time, and for good; 2 crashes, 2 reorgs',
    defines: { ...afterTheLease, CRASHES: 2, REORGS: 2, LIVENESS: true },
    expected: holds,
    liveness: true
  },
  {
    name: 'liveness, one worker left',
    file: 'claim.pml',
    property: 'the same, where all but one worker stay down once they are',
    defines: { ...afterTheLease, CRASHES: 2, REORGS: 2, LIVENESS: true, RESTARTING: 1 },
    expected: holds,
    liveness: true
  },
  {
    name: 'liveness, broken: no worker left',
    file: 'claim.pml',
    property: 'the same',
    defines: { ...afterTheLease, CRASHES: 2, LIVENESS: true, RESTARTING: 0 },
    expected: fails('acceptance cycle'),
    liveness: true
  }
]
