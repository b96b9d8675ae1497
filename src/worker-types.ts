import type { PrivateKey } from '@libp2p/interface'
import type {
  Address,
  ChainReader,
  Clock,
  ContractReader,
  Database,
  EmitEvent,
  Executor,
  JobContent,
  JobKey,
  LeaseTiming,
  Logger,
  ModelCatalog,
  NetworkIdentity,
  PeerKey,
  PubSub,
  Startable,
  Submitter,
  SubmitterHandlers,
  SubmitterStatus,
  SyncTransport
} from './interface/index.js'

export interface WorkerInit {
  network: NetworkIdentity
  timing: LeaseTiming
  /** The account that the registry binds to this node's key. */
  account: Address
  /** How many jobs run at once. */
  capacity: number
  /** How long a job that no live worker can run waits before it is failed. */
  unservedAfterMs: number
  /**
   * Whether the database is known to hold all that this node's key has signed (`OpenedDatabase.isContinuous`): if not, nothing
   * is claimed until earlier leases have run out. True by default.
   */
  isContinuous?: boolean
  /** On shutdown, running jobs and unconfirmed submissions have this long to end. */
  drainMs: number
}

export interface WorkerComponents {
  pubsub: PubSub
  /** The node's Ed25519 key. */
  privateKey: PrivateKey
  database: Database
  chain: ChainReader
  executor: Executor
  catalog: ModelCatalog
  /** Without `storeOutput`, jobs whose output goes elsewhere than on chain are left to others. */
  content: Pick<JobContent, 'resolveInput'> & Partial<JobContent>
  /** For tasks that read the chain's state. */
  contracts?: ContractReader
  createSubmitter(handlers: SubmitterHandlers): Submitter
  /** Without it, the node learns of old jobs only as they are announced again. */
  sync?: SyncTransport
  clock: Clock
  /** From 0 to below 1. Default: Math.random. */
  random?(): number
  logger: Logger
  emit: EmitEvent
}

export interface WorkerStatus {
  openJobs: number
  heldJobs: number
  runningJobs: number
  /** Other live workers. */
  peers: number
  /** Leases in memory, of all workers. */
  leases: number
  /** Nothing is claimed before this time (ms since the epoch): this node's key may hold leases that it does not know. */
  quietUntilMs: number
  /** False: nothing is claimed, as most other workers' clocks disagree with this node's, or did until a moment ago. */
  isClockRight: boolean
  /** Undefined where the submitter does not tell. */
  submission: SubmitterStatus | undefined
}

export interface Worker extends Startable {
  status(): WorkerStatus
  /** Whether the registry names this peer key, as far as this node knows. */
  isRegistered(peer: PeerKey): boolean
  /** Who holds an open job, as far as this node knows. */
  holder(job: JobKey): PeerKey | undefined
}
