import type { PrivateKey } from '@libp2p/interface'
import type {
  Database,
  EmitEvent,
  Logger,
  PubSub,
  Result,
  Submitter,
  SubmitterHandlers
} from '../../src/interface/index.js'
import { localTiming, systemClock } from '../../src/interface/index.js'
import { peerKeyOf } from '../../src/network/identity.js'
import { type Worker, worker } from '../../src/worker.js'
import { type MemoryChain, model, network } from './memory-chain.js'
import { accountOf } from './registry.js'

/** More than are ever in flight: it is the protocol that is measured, not the model. */
const CAPACITY = 10_000

export interface WorkerNodeComponents {
  pubsub: PubSub
  privateKey: PrivateKey
  database: Database
  chain: MemoryChain
  logger: Logger
  emit: EmitEvent
}

/** The real worker, with a model that does nothing and a chain in memory. */
export function workerNode(components: WorkerNodeComponents): Worker {
  const { chain, privateKey } = components
  return worker({
    network,
    timing: localTiming,
    account: accountOf(peerKeyOf(privateKey)),
    capacity: CAPACITY,
    unservedAfterMs: 60_000,
    drainMs: 2_000
  })({
    ...components,
    executor: {
      start() {},
      stop() {},
      execute: async () => ({
        success: true,
        output: '0x',
        receipt: { runtime: 'none', runtimeVersion: '0', manifest: model, cpu: 'none', outputHash: '0x' }
      })
    },
    catalog: {
      models: () => [model],
      knowsTask: () => true,
      resolve: location => location.slice('ipfs://'.length)
    },
    content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
    createSubmitter: handlers => memorySubmitter(chain, handlers),
    clock: systemClock
  })
}

/** A result that is on disk is final. The chain tells of all results of one turn of the event loop together, as a block does. */
function memorySubmitter(chain: MemoryChain, { onOutcome }: SubmitterHandlers): Submitter {
  let mined: Result[] = []

  function tell(): void {
    const results = mined
    mined = []
    chain.finalise(results.map(({ jobId }) => jobId))
    for (const result of results) {
      onOutcome(result, { kind: 'accepted', txHash: result.requestHash, blockNumber: Number(result.jobId) })
    }
  }

  return {
    start() {},
    stop() {},
    drain: async () => {},
    enqueue(result) {
      if (mined.length === 0) setImmediate(tell)
      mined.push(result)
    }
  }
}
