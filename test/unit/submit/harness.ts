import { AbiCoder } from 'ethers'
import { vi } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { type OutboxEntry, outboxRepository } from '../../../src/db/repositories/outbox.js'
import { resultRepository } from '../../../src/db/repositories/result.js'
import {
  type Database,
  type Hex,
  type JobReference,
  type NodeEvent,
  type Result,
  type SigningAccount,
  type SubmissionChain,
  type SubmissionOutcome,
  type Submitter,
  systemClock,
  type WorkerStanding
} from '../../../src/interface/index.js'
import type { SubmitSettings } from '../../../src/submit/settings.js'
import { submitter } from '../../../src/submit/submitter.js'
import type { OracleChain } from '../../helpers/oracle-chain.js'
import { silentLogger } from '../../helpers/silent-logger.js'

export interface Worker {
  submitter: Submitter
  database: Database
  account: SigningAccount
  events: NodeEvent[]
  said: { level: string; message: string; fields: object }[]
  /** What `canSubmit` was each time that it changed. */
  readiness: boolean[]
  outcomes: { jobId: bigint; outcome: SubmissionOutcome }[]
  /** Stores and queues results for jobs. */
  submit(jobs: { reference: JobReference; requestHash: Hex }[], outcome?: Result['outcome']): Promise<void>
  /** What lies in the outbox on disk. */
  entries(): Promise<OutboxEntry[]>
}

export const success = (text = 'hello'): Result['outcome'] => ({
  success: true,
  output: AbiCoder.defaultAbiCoder().encode(['string'], [text]) as Hex,
  receipt: {
    runtime: 'native',
    runtimeVersion: '1',
    manifest: 'bafkreitest',
    cpu: 'test',
    outputHash: '0x00'
  }
})

/** A submitter over a database; give the database of an earlier one to restart it. */
export function makeWorker(
  oracle: OracleChain,
  options: {
    index?: number
    database?: Database
    chain?: SubmissionChain
    settings?: Partial<SubmitSettings>
    standing?: WorkerStanding
  } = {}
): Worker {
  const database = options.database ?? memoryDatabase()
  const chain = options.chain ?? oracle.chain
  const account = oracle.workers[options.index ?? 0]
  if (account === undefined) throw new Error('no such worker')
  const events: NodeEvent[] = []
  const said: Worker['said'] = []
  const outcomes: Worker['outcomes'] = []
  const readiness: boolean[] = []
  const results = resultRepository(database)
  const made: Submitter = submitter({
    pollIntervalMs: 20,
    stuckAfterMs: 60_000,
    confirmations: 1,
    ...options.settings
  })({
    database,
    chain,
    account,
    clock: systemClock,
    emit: event => events.push(event),
    ...(options.standing && { standing: options.standing }),
    handlers: {
      onOutcome: ({ jobId }, outcome) => outcomes.push({ jobId, outcome }),
      onCanSubmit: () => readiness.push(made.canSubmit?.() ?? true)
    },
    log: silentLogger(said)
  })
  return {
    submitter: made,
    database,
    account,
    events,
    said,
    readiness,
    outcomes,
    async submit(jobs, outcome = success()) {
      for (const { reference, requestHash } of jobs) {
        const result = {
          job: reference.key,
          jobId: reference.jobId,
          requestHash,
          outcome,
          startedAtMs: 1,
          finishedAtMs: 2
        }
        await database.batch([results.put(requestHash, { result, settled: false })], { sync: true })
        made.enqueue(result)
      }
    },
    entries: () => outboxRepository(database, chain.chainId, account.address).entries()
  }
}

/** Waits for the state: the interval is short because a local chain is. */
export const eventually = <T>(check: () => T | Promise<T>) =>
  vi.waitFor(check, { timeout: 20_000, interval: 10 })
