import {
  type Database,
  type EmitEvent,
  type LeaseTiming,
  type Logger,
  ProcessError,
  type PubSub,
  type SyncTransport
} from '../../src/interface/index.js'
import { submitter } from '../../src/submit/submitter.js'
import { type Worker, worker } from '../../src/worker.js'
import { type ChainClient, network, simulatedAccount } from './chain-client.js'
import type { SimulatedKey } from './keys.js'
import type { Process } from './process.js'
import { hash32 } from './random.js'

export interface WorkerNodeInit {
  process: Process
  key: SimulatedKey
  timing: LeaseTiming
  pubsub: PubSub
  database: Database
  sync: SyncTransport
  chain: ChainClient
  models: string[]
  capacity: number
  /** How long the model takes on an input, which the job's request hash stands for. */
  executionMs(key: string): number
  /** Whether its database is known to be that of its last run. */
  isContinuous: boolean
  /** From 0 to below 1. */
  random(): number
  logger: Logger
  emit: EmitEvent
}

/** How long a job that nobody can run waits. */
const UNSERVED_AFTER_MS = 5_000

/** The real worker with its real submitter, in a simulated process. */
export function workerNode(init: WorkerNodeInit): Worker {
  const {
    process,
    key,
    timing,
    pubsub,
    database,
    chain,
    models,
    capacity,
    executionMs,
    random,
    logger,
    emit
  } = init
  const { clock } = process
  return worker({
    network,
    timing,
    account: key.account,
    capacity,
    isContinuous: init.isContinuous,
    unservedAfterMs: UNSERVED_AFTER_MS,
    drainMs: 5_000
  })({
    pubsub,
    privateKey: key.privateKey,
    database,
    sync: init.sync,
    chain: chain.reader,
    executor: {
      start() {},
      stop() {},
      execute: ({ job }, { signal }) =>
        new Promise((resolve, reject) => {
          if (signal.aborted) return reject(signal.reason)
          const timer = process.later(executionMs(job.key), () => {
            signal.removeEventListener('abort', onAbort)
            resolve({
              success: true,
              output: `0x${hash32(job.key).toString(16).padStart(8, '0')}`,
              receipt: { runtime: 'sim', runtimeVersion: '0', manifest: '', cpu: '', outputHash: '0x' }
            })
          })
          function onAbort(): void {
            timer.cancel()
            reject(signal.reason instanceof Error ? signal.reason : new ProcessError('aborted'))
          }
          signal.addEventListener('abort', onAbort, { once: true })
        })
    },
    catalog: {
      knowsTask: () => true,
      models: () => models,
      resolve: location => location.replace('ipfs://', '')
    },
    content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
    createSubmitter: handlers =>
      submitter({ confirmations: 4, pollIntervalMs: 1_000, stuckAfterMs: 20_000 })({
        database,
        chain: chain.submission,
        account: simulatedAccount(key.account),
        clock,
        emit,
        handlers,
        log: logger
      }),
    clock,
    random,
    logger,
    emit
  })
}
