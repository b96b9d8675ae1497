import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { memoryDatabase } from '../../src/db/memory-database.js'
import { type GossipService, gossip } from '../../src/gossip/gossip.js'
import type {
  ChainReader,
  Database,
  Executor,
  Gossip,
  Job,
  JobKey,
  LeaseTiming,
  NetworkIdentity,
  NodeEvent,
  PeerKey,
  Result
} from '../../src/interface/index.js'
import { DataLocation, JobStatus, ModelCategory, SubmissionStatus } from '../../src/interface/index.js'
import { jobKey } from '../../src/job/job-key.js'
import { type Worker, worker } from '../../src/worker.js'
import { type ManualClock, manualClock } from './manual-clock.js'
import { type MemoryNetwork, memoryNetwork } from './memory-pubsub.js'
import { memorySync } from './memory-sync.js'
import { silentLogger } from './silent-logger.js'

export const testNetwork: NetworkIdentity = {
  chainId: 31337,
  oracle: `0x${'0a'.repeat(20)}`,
  registry: `0x${'0b'.repeat(20)}`
}
export const testTiming: LeaseTiming = {
  slotMs: 400,
  skewMs: 100,
  leaseMs: 10_000,
  presenceIntervalMs: 1_000
}
/** The one model that the workers of a cluster have, unless said otherwise. */
export const testModel = 'bafytest'

const hash = (n: number): `0x${string}` => `0x${n.toString(16).padStart(64, '0')}`

/** A chain in memory: what the real one guarantees to workers, with nothing of the EVM. */
export interface MemoryChain extends ChainReader {
  create(count: number, model?: string): Job[]
  /** At most one finalisation for each job, as the Oracle gives it. */
  finalise(result: Result, by: PeerKey): boolean
  status(jobId: bigint): JobStatus
  /** A reorg: the chain does not hold the job any more. */
  orphan(job: Job): void
  /** A reorg takes back what finalised the job. */
  reopen(jobId: bigint): void
  /** The same request, mined again in another block. */
  remine(job: Job): Job
  finalisedBy: Map<bigint, PeerKey>
  accounts: Map<string, PeerKey>
}

export function memoryChain(clock: ManualClock): MemoryChain {
  const jobs = new Map<JobKey, Job>()
  const finalisedBy = new Map<bigint, PeerKey>()
  const accounts = new Map<string, PeerKey>()
  const orphans = new Set<bigint>()
  const status = (jobId: bigint): JobStatus => {
    if (orphans.has(jobId)) return JobStatus.None
    return finalisedBy.has(jobId) ? JobStatus.Succeeded : JobStatus.Open
  }
  return {
    finalisedBy,
    accounts,
    status,
    orphan({ key, jobId }) {
      jobs.delete(key)
      orphans.add(jobId)
    },
    reopen(jobId) {
      finalisedBy.delete(jobId)
    },
    remine(job) {
      const place = { ...job, blockHash: hash(2_000_000 + Number(job.jobId)) }
      const again = { ...place, key: jobKey(testNetwork, place) }
      jobs.set(again.key, again)
      orphans.delete(again.jobId)
      return again
    },
    create(count, model = testModel) {
      return Array.from({ length: count }, () => {
        const n = jobs.size + 1
        const place = {
          jobId: BigInt(n),
          blockNumber: n,
          blockHash: hash(n),
          txHash: hash(n),
          logIndex: 0,
          dataHash: hash(n)
        }
        const job: Job = {
          ...place,
          key: jobKey(testNetwork, place),
          model: `0x${'0c'.repeat(20)}`,
          client: `0x${'0d'.repeat(20)}`,
          category: ModelCategory.ImageToText,
          seed: '0x',
          manifestLocation: `ipfs://${model}`,
          inputLocation: DataLocation.OnChain,
          input: '0x',
          outputLocation: DataLocation.OnChain,
          outputFormat: 0,
          createdAtMs: clock.now(),
          deadlineMs: clock.now() + 3_600_000,
          redundancy: 1,
          requestHash: hash(1_000_000 + n)
        }
        jobs.set(job.key, job)
        return job
      })
    },
    finalise(result, by) {
      if (finalisedBy.has(result.jobId)) return false
      finalisedBy.set(result.jobId, by)
      return true
    },
    verifyJobs: async references =>
      references.map(({ key, jobId }) => {
        const job = jobs.get(key)
        return job === undefined
          ? { kind: 'missing', reason: 'no such log' }
          : { kind: 'found', job, status: status(jobId) }
      }),
    jobStatuses: async jobIds => jobIds.map(status),
    peerKeysOf: async wanted => wanted.map(account => accounts.get(account.toLowerCase()))
  }
}

export interface ClusterWorker {
  worker: Worker
  key: PeerKey
  events: NodeEvent[]
  database: Database
  /** What it logged as a warning or an error. */
  said: { level: string; message: string; fields: object }[]
  /** Results that it was asked to submit, by job key. */
  submitted: JobKey[]
  /** As `kill -9` does: it says nothing more, and its timers do nothing. Its disk stays. */
  kill(): void
  /** As SIGSTOP and SIGCONT do: for so long it reads nothing, and its timers ring when it is over. */
  stall(ms: number): void
}

export interface Liar {
  key: PeerKey
  gossip: GossipService
  present(): Promise<void>
}

/** Workers in one process over a network, a chain and a clock in memory, and a sequencer's voice to announce jobs. */
export interface Cluster {
  clock: ManualClock
  chain: MemoryChain
  net: MemoryNetwork
  syncing: ReturnType<typeof memorySync>
  workers: ClusterWorker[]
  add(options?: {
    capacity?: number
    models?: string[]
    isComing?(model: string): boolean
    privateKey?: PrivateKey
    database?: Database
    isContinuous?: boolean
    /** In place of an execution that succeeds. */
    execute?: Executor['execute']
    /** Whether it could submit: changed by a test, which then calls `changed`. Default: it can. */
    submitting?: { isBlocked: boolean; changed(): void }
    /** How far its clock is off, now. Default: not at all. */
    clockErrorMs?(): number
    /** Whether its submissions reach the chain. Those that do not are lost. Default: they do. */
    reachesChain?(): boolean
  }): Promise<ClusterWorker>
  /** A registered worker's key, with which a test says what it likes. */
  liar(): Promise<Liar>
  announce(jobs: Job[]): Promise<void>
  /** Executions begun, of all workers. */
  executions(jobId: bigint): number
}

export async function cluster(
  init: { executionMs?: number; delayMs?: number; sync?: boolean } = {}
): Promise<Cluster> {
  const clock = manualClock()
  const chain = memoryChain(clock)
  const net = memoryNetwork(clock, () => init.delayMs ?? 5)
  const syncing = memorySync(net)
  const workers: ClusterWorker[] = []

  const sequencerKey = await generateKeyPair('Ed25519')
  const voice: Gossip = gossip({ network: testNetwork, timing: testTiming })({
    pubsub: net.join('sequencer'),
    privateKey: sequencerKey,
    clock,
    logger: silentLogger(),
    jobKeyOf: reference => jobKey(testNetwork, reference),
    handlers: { onJobs() {}, onLeases() {}, onResults() {}, onPresence() {}, isKnownJob: () => true }
  })
  await voice.start()

  return {
    clock,
    chain,
    net,
    syncing,
    workers,
    announce: jobs => voice.publishJobs(jobs),
    executions: jobId =>
      workers
        .flatMap(({ events }) => events)
        .filter(event => event.type === 'execution:started' && event.jobId === jobId).length,
    async liar() {
      const privateKey = await generateKeyPair('Ed25519')
      const key = Buffer.from(privateKey.publicKey.raw).toString('hex')
      const account: `0x${string}` = `0x${key.slice(0, 40)}`
      chain.accounts.set(account, key)
      const mouth = gossip({ network: testNetwork, timing: testTiming })({
        pubsub: net.join(key),
        privateKey,
        clock,
        logger: silentLogger(),
        jobKeyOf: reference => jobKey(testNetwork, reference),
        handlers: { onJobs() {}, onLeases() {}, onResults() {}, onPresence() {}, isKnownJob: () => true }
      })
      await mouth.start()
      return {
        key,
        gossip: mouth,
        present: () =>
          mouth.publishPresence({
            worker: key,
            account,
            models: [testModel],
            capacity: 1,
            load: 1,
            sentAtMs: clock.now()
          })
      }
    },
    async add({
      capacity = 1,
      models = [testModel],
      isComing,
      database = memoryDatabase(),
      privateKey,
      isContinuous = true,
      execute,
      submitting,
      clockErrorMs = () => 0,
      reachesChain = () => true
    } = {}) {
      const submitted: JobKey[] = []
      const identity = privateKey ?? (await generateKeyPair('Ed25519'))
      const key = Buffer.from(identity.publicKey.raw).toString('hex')
      const account: `0x${string}` = `0x${key.slice(0, 40)}`
      chain.accounts.set(account, key)
      const events: NodeEvent[] = []
      const said: ClusterWorker['said'] = []
      let alive = true
      let stalledUntilMs = 0
      const ownClock = {
        now: () => clock.now() + clockErrorMs(),
        steadyMs: clock.steadyMs,
        schedule: (delayMs: number, callback: () => void) => {
          const run = (): void => {
            const leftMs = stalledUntilMs - clock.now()
            if (leftMs > 0) timer = clock.schedule(leftMs, run)
            else if (alive) callback()
          }
          let timer = clock.schedule(delayMs, run)
          return { cancel: () => timer.cancel() }
        }
      }
      const pubsub = net.join(key)
      const instance = worker({
        network: testNetwork,
        timing: testTiming,
        account,
        capacity,
        unservedAfterMs: 5_000,
        isContinuous,
        drainMs: 5_000
      })({
        pubsub: {
          ...pubsub,
          subscribe: (topic, validate) =>
            pubsub.subscribe(topic, async (from, data) => {
              const leftMs = stalledUntilMs - clock.now()
              if (leftMs > 0) await new Promise<void>(resolve => clock.schedule(leftMs, resolve))
              return validate(from, data)
            })
        },
        ...(init.sync === true ? { sync: syncing.join(key) } : {}),
        privateKey: identity,
        database,
        chain,
        executor: {
          start() {},
          stop() {},
          execute: (request, { signal }) =>
            execute?.(request, { signal }) ??
            new Promise((resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason))
              ownClock.schedule(init.executionMs ?? 50, () =>
                resolve({
                  success: true,
                  output: '0x',
                  receipt: { runtime: 'test', runtimeVersion: '0', manifest: '', cpu: '', outputHash: '0x' }
                })
              )
            })
        },
        catalog: {
          knowsTask: () => true,
          models: () => models,
          ...(isComing && { isComing }),
          resolve: location => location.replace('ipfs://', '')
        },
        content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
        createSubmitter: ({ onOutcome, onCanSubmit = () => {} }) => ({
          canSubmit: () => submitting?.isBlocked !== true,
          start() {
            if (submitting !== undefined) submitting.changed = onCanSubmit
          },
          stop() {},
          drain: async () => {},
          enqueue: result => {
            submitted.push(result.job)
            ownClock.schedule(20, () => {
              if (!reachesChain()) return
              const accepted = chain.finalise(result, key)
              onOutcome(
                result,
                accepted
                  ? { kind: 'accepted', txHash: hash(Number(result.jobId)), blockNumber: 1 }
                  : { kind: 'refused', status: SubmissionStatus.AlreadyFinal, txHash: undefined }
              )
            })
          }
        }),
        clock: ownClock,
        logger: silentLogger(said),
        emit: event => {
          events.push(event)
        }
      })
      const entry: ClusterWorker = {
        worker: instance,
        key,
        events,
        said,
        submitted,
        database,
        kill() {
          alive = false
          net.cut(key)
        },
        stall(ms) {
          stalledUntilMs = clock.now() + ms
        }
      }
      workers.push(entry)
      await instance.start()
      return entry
    }
  }
}
