import {
  type ChainReader,
  ChainUnavailableError,
  DataLocation,
  type Job,
  type LeaseTiming,
  ModelCategory,
  type NetworkIdentity,
  type SigningAccount,
  type SubmissionChain
} from '../../src/interface/index.js'
import { jobKey } from '../../src/job/job-key.js'
import { type ChainJob, hashOf, type SimulatedChain } from './chain.js'
import type { Process } from './process.js'
import type { Random } from './random.js'

export const network: NetworkIdentity = {
  chainId: 31337,
  oracle: `0x${'0a'.repeat(20)}`,
  registry: `0x${'0b'.repeat(20)}`
}
export const localTiming: LeaseTiming = {
  slotMs: 400,
  skewMs: 100,
  leaseMs: 10_000,
  presenceIntervalMs: 1_000
}

/** What an endpoint does wrong, changed by the faults while the simulation runs. */
export interface RpcTrouble {
  isDown: boolean
  /** How many blocks it is behind. */
  lagBlocks: number
}

/** What one node's endpoint shows of the chain. */
export interface ChainClient {
  reader: ChainReader
  submission: SubmissionChain
}

export interface ChainClientInit {
  chain: SimulatedChain
  process: Process
  rng: Random
  trouble: RpcTrouble
  /** Accounts of the registry. */
  registry: ReadonlyMap<string, string>
  onError(): void
}

/** Of a request and its answer. */
const LATENCY_MS = { min: 1, max: 8 }
const GWEI = 1_000_000_000n

export function jobOf(found: ChainJob): Job {
  const { jobId, blockNumber, blockHash, logIndex, dataHash, request } = found
  const place = { jobId, blockNumber, blockHash, txHash: request.txHash, logIndex, dataHash }
  return {
    ...place,
    key: jobKey(network, place),
    model: `0x${'0c'.repeat(20)}`,
    client: `0x${'0d'.repeat(20)}`,
    category: ModelCategory.ImageToText,
    seed: '0x',
    manifestLocation: `ipfs://${request.model}`,
    inputLocation: DataLocation.OnChain,
    input: '0x',
    outputLocation: DataLocation.OnChain,
    outputFormat: 0,
    createdAtMs: found.createdAtMs,
    deadlineMs: found.deadlineMs,
    redundancy: 1,
    requestHash: found.requestHash
  }
}

/** All endpoints show the same job. */
const jobs = new WeakMap<ChainJob, Job>()

export function chainClient({
  chain,
  process,
  rng,
  trouble,
  registry,
  onError
}: ChainClientInit): ChainClient {
  const upTo = (): number => Math.max(0, chain.headNumber() - trouble.lagBlocks)

  function known(found: ChainJob): Job {
    const before = jobs.get(found)
    if (before !== undefined) return before
    const job = jobOf(found)
    jobs.set(found, job)
    return job
  }

  async function ask<T>(read: () => T, signal?: AbortSignal): Promise<T> {
    await process.wait(rng.between(LATENCY_MS.min, LATENCY_MS.max))
    signal?.throwIfAborted()
    if (trouble.isDown) {
      onError()
      throw new ChainUnavailableError('The simulated endpoint is down')
    }
    return read()
  }

  const accountState = (account: `0x${string}`) => ({
    gasPrice: { baseFee: GWEI, priorityFee: GWEI, gasPrice: GWEI },
    balance: 10n ** 24n,
    nonces: chain.nonces(account, upTo())
  })

  return {
    reader: {
      verifyJobs: (references, signal) =>
        ask(
          () =>
            references.map(({ jobId, blockHash, txHash }) => {
              const found = chain.job(jobId, upTo())
              if (found === undefined || found.blockHash !== blockHash || found.request.txHash !== txHash)
                return { kind: 'missing', reason: 'no such log' } as const
              return { kind: 'found', job: known(found), status: chain.status(jobId, upTo()) } as const
            }),
          signal
        ),
      jobStatuses: (jobIds, signal) => ask(() => jobIds.map(id => chain.status(id, upTo())), signal),
      peerKeysOf: (accounts, signal) =>
        ask(() => accounts.map(account => registry.get(account.toLowerCase())), signal)
    },
    submission: {
      chainId: network.chainId,
      oracle: network.oracle,
      encode: items => toHex(items.map(({ jobId, requestHash }) => [jobId.toString(), requestHash])),
      simulate: (from, data, _count, signal) =>
        ask(
          () => ({
            ...accountState(from),
            outcome: {
              kind: 'statuses',
              statuses: itemsOf(data).map(item => chain.answer(item, upTo()))
            } as const,
            gas: 300_000n
          }),
          signal
        ),
      accountState: (account, signal) => ask(() => accountState(account), signal),
      broadcast: (raw, signal) =>
        ask(() => {
          const { from, nonce, data } = fromHex(raw) as {
            from: `0x${string}`
            nonce: number
            data: `0x${string}`
          }
          const hash = hashOf('submission', raw)
          if (chain.isKnown(hash)) return { kind: 'known' } as const
          const isTaken = chain.broadcast({ hash, account: from, nonce, items: itemsOf(data) })
          return isTaken ? ({ kind: 'sent' } as const) : ({ kind: 'nonce-used' } as const)
        }, signal),
      view: (account, { hashes, blocks }, signal) =>
        ask(() => {
          const number = upTo()
          return {
            head: { number, hash: chain.blockHash(number) ?? '0x' },
            latestNonce: chain.nonces(account, number).latest,
            mined: new Map(
              hashes.flatMap(hash => {
                const found = chain.mined(hash, number)
                return found === undefined ? [] : [[hash, found] as const]
              })
            ),
            blockHashes: new Map(
              blocks.flatMap(block => {
                const hash = block <= number ? chain.blockHash(block) : undefined
                return hash === undefined ? [] : [[block, hash] as const]
              })
            )
          }
        }, signal),
      isKnown: (hashes, signal) => ask(() => hashes.map(chain.isKnown), signal)
    }
  }
}

/** Signs as an account does, as far as the simulated chain looks. */
export function simulatedAccount(address: `0x${string}`): SigningAccount {
  return {
    address,
    async sign({ nonce, data, fees }) {
      const raw = toHex({
        from: address,
        nonce,
        data,
        fee: fees.type === 'eip1559' ? `${fees.maxFeePerGas}` : ''
      })
      return { raw, hash: hashOf('submission', raw) }
    }
  }
}

const toHex = (value: unknown): `0x${string}` => `0x${Buffer.from(JSON.stringify(value)).toString('hex')}`
const fromHex = (data: `0x${string}`): unknown =>
  JSON.parse(Buffer.from(data.slice(2), 'hex').toString() || '[]')

function itemsOf(data: `0x${string}`): { jobId: bigint; requestHash: `0x${string}` }[] {
  const items = fromHex(data) as [string, `0x${string}`][]
  return items.map(([jobId, requestHash]) => ({ jobId: BigInt(jobId), requestHash }))
}
