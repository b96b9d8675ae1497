/**
 * Buffalo's protocol as a library: no command line, no environment, nothing printed. The program `buffalo-node` and the
 * model repository are built on it.
 *
 * @example
 * import { createDatabase, memoryDatabase, worker, localTiming } from 'buffalo-node'
 */
export * from './chain/account.js'
export * from './chain/chain-reader.js'
export * from './chain/contract-reader.js'
export * from './chain/provider.js'
export * from './chain/registration.js'
export * from './chain/submission-chain.js'
export * from './chain/typed-contract.js'
export * from './content/index.js'
export { createDatabase } from './db/database.js'
export { memoryDatabase } from './db/memory-database.js'
export {
  type OpenDatabaseComponents,
  type OpenDatabaseInit,
  type OpenedDatabase,
  openDatabase
} from './db/open.js'
export * from './execute/index.js'
export { gossip } from './gossip/gossip.js'
export { topicOf, topicsOf } from './gossip/topic.js'
export * from './interface/index.js'
export { jobKey } from './job/job-key.js'
export { holder } from './lease/holder.js'
export { score } from './lease/score.js'
export * from './network/identity.js'
export { createNetwork, type Network, type NetworkInit } from './network/libp2p.js'
export { type Sequencer, type SequencerComponents, type SequencerInit, sequencer } from './sequencer.js'
export * from './subgraph/index.js'
export { submitter } from './submit/submitter.js'
export * from './timeline/index.js'
export {
  type Worker,
  type WorkerComponents,
  type WorkerInit,
  type WorkerStatus,
  worker
} from './worker.js'
