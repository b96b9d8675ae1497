import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { envelopeCodec } from '../src/gossip/envelope.js'
import { messageLimits } from '../src/gossip/limits.js'
import { encodeLeases } from '../src/gossip/validation/leases.js'
import { encodePresence } from '../src/gossip/validation/presence.js'
import type {
  ChainReader,
  Job,
  JobReference,
  Lease,
  Logger,
  NetworkIdentity
} from '../src/interface/index.js'
import { DataLocation, JobStatus, ModelCategory } from '../src/interface/index.js'
import { jobKey } from '../src/job/job-key.js'

export const benchNetwork: NetworkIdentity = {
  chainId: 31337,
  oracle: `0x${'0a'.repeat(20)}`,
  registry: `0x${'0b'.repeat(20)}`
}
/** The one model of the run. */
export const benchModel = 'bafysync'
/** Time of one look at the chain: a busy endpoint. */
const CHAIN_MS = 20

const ignore = (): void => {}
export const silent: Logger = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => silent
}

const hash = (n: number, fill: string): `0x${string}` => `0x${n.toString(16).padStart(64, fill)}`

/** Jobs as a sequencer reads them, 20 in each block. */
export function* makeJobs(count: number): Generator<JobReference> {
  for (let n = 1; n <= count; n++) {
    const block = Math.ceil(n / 20)
    const place = {
      jobId: BigInt(n),
      blockNumber: block,
      blockHash: hash(block, 'b'),
      txHash: hash(n, 'c'),
      logIndex: n % 20,
      dataHash: hash(n, 'd')
    }
    yield { ...place, key: jobKey(benchNetwork, place) }
  }
}

export interface Holder {
  key: string
  privateKey: PrivateKey
}

export async function makeHolders(count: number): Promise<Holder[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const privateKey = await generateKeyPair('Ed25519')
      return { privateKey, key: Buffer.from(privateKey.publicKey.raw).toString('hex') }
    })
  )
}

/** The account of a worker, from its key: both processes know it so. */
const accountOf = (key: string): `0x${string}` => `0x${key.slice(0, 40)}`

export interface Sealed {
  envelope: Uint8Array
  leases: Lease[]
}

/** A live lease on each job, signed in full batches by workers in turn, and the presence of these. */
export async function sealAll(
  jobs: JobReference[],
  holders: Holder[],
  leaseMs: number
): Promise<{ batches: Sealed[]; presences: Uint8Array[] }> {
  const codec = envelopeCodec(benchNetwork, 'leases')
  const nowMs = Date.now()
  const batches: Sealed[] = []
  for (let at = 0; at < jobs.length; at += messageLimits.batchItems) {
    const holder = holders[batches.length % holders.length]
    if (holder === undefined) throw new RangeError('no holders')
    const leases = jobs.slice(at, at + messageLimits.batchItems).map(({ key }) => ({
      job: key,
      worker: holder.key,
      startMs: nowMs,
      expiresMs: nowMs + leaseMs,
      sequence: 0,
      release: undefined
    }))
    batches.push({
      leases,
      envelope: await codec.seal(encodeLeases(leases, holder.key, nowMs), holder.privateKey)
    })
  }
  const presence = envelopeCodec(benchNetwork, 'presence')
  const presences = await Promise.all(
    holders.map(({ key, privateKey }) => {
      const message = {
        worker: key,
        account: accountOf(key),
        models: [benchModel],
        capacity: 1,
        load: 1,
        sentAtMs: nowMs
      }
      return presence.seal(encodePresence(message, key), privateKey)
    })
  )
  return { batches, presences }
}

/** A chain that holds every job, and knows every worker. */
export function openChain(holders: string[]): ChainReader & { verified(): number } {
  const byAccount = new Map(holders.map(key => [accountOf(key), key]))
  const wait = (): Promise<void> => new Promise(resolve => setTimeout(resolve, CHAIN_MS))
  let verified = 0
  return {
    verified: () => verified,
    async verifyJobs(references) {
      await wait()
      verified += references.length
      return references.map(reference => ({ kind: 'found', job: jobOf(reference), status: JobStatus.Open }))
    },
    async jobStatuses(jobIds) {
      await wait()
      return jobIds.map(() => JobStatus.Open)
    },
    async peerKeysOf(accounts) {
      await wait()
      return accounts.map(account => byAccount.get(account.toLowerCase() as `0x${string}`))
    }
  }
}

function jobOf(reference: JobReference): Job {
  return {
    ...reference,
    model: benchNetwork.oracle,
    client: benchNetwork.oracle,
    category: ModelCategory.ImageToText,
    seed: '0x',
    manifestLocation: `ipfs://${benchModel}`,
    inputLocation: DataLocation.OnChain,
    input: '0x',
    outputLocation: DataLocation.OnChain,
    outputFormat: 0,
    createdAtMs: Date.now(),
    deadlineMs: Date.now() + 3_600_000,
    redundancy: 1,
    requestHash: reference.txHash
  }
}
