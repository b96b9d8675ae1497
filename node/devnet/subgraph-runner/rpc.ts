import { z } from 'zod'
import { ChainUnavailableError } from '../../../src/interface/errors.js'

const hex = z
  .string()
  .regex(/^0x[0-9a-f]*$/i)
  .refine(value => value.length % 2 === 0)
  .toLowerCase()
const hash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/i)
  .toLowerCase()
const address = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/i)
  .toLowerCase()
const quantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,64}$/i)
  .transform(BigInt)

const chainTransaction = z.object({
  hash,
  transactionIndex: quantity,
  from: address,
  to: address.nullable(),
  value: quantity,
  gas: quantity,
  gasPrice: quantity,
  input: hex,
  nonce: quantity
})
export type ChainTransaction = z.infer<typeof chainTransaction>

const chainBlock = z.object({
  number: quantity,
  hash,
  parentHash: hash,
  sha3Uncles: hash,
  miner: address,
  stateRoot: hash,
  transactionsRoot: hash,
  receiptsRoot: hash,
  gasUsed: quantity,
  gasLimit: quantity,
  timestamp: quantity,
  difficulty: quantity.default(0n),
  totalDifficulty: quantity.default(0n),
  size: quantity.optional(),
  baseFeePerGas: quantity.optional(),
  /** Hashes only, where they were not asked for in full. */
  transactions: z.array(z.union([hash, chainTransaction]))
})
export type ChainBlock = z.infer<typeof chainBlock>

const chainLog = z.object({
  address,
  topics: z.array(hash).max(4),
  data: hex,
  blockNumber: quantity,
  blockHash: hash,
  transactionHash: hash,
  logIndex: quantity
})
export type ChainLog = z.infer<typeof chainLog>

export interface LogFilter {
  addresses: string[]
  topics: string[]
  fromBlock: number
  toBlock: number
}

/** The reads of the chain that indexing needs. All throw ChainUnavailableError. */
export interface ChainRpc {
  latestBlock(signal: AbortSignal): Promise<ChainBlock>
  /** In order; undefined for a block that the chain does not have (any more). */
  blocks(
    wanted: { number: number; transactions: boolean }[],
    signal: AbortSignal
  ): Promise<(ChainBlock | undefined)[]>
  logs(filter: LogFilter, signal: AbortSignal): Promise<ChainLog[]>
}

const response = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string() }).optional()
})

interface Call {
  method: string
  params: unknown[]
}

/** Public endpoints take at most this many calls in one batch. */
const maxBatchSize = 100

export function createChainRpc(init: { rpcUrl: string; timeoutMs?: number }): ChainRpc {
  const { rpcUrl, timeoutMs = 10_000 } = init

  async function post(calls: Call[], signal: AbortSignal): Promise<unknown[]> {
    const body = JSON.stringify(calls.map((call, id) => ({ jsonrpc: '2.0', id, ...call })))
    let answer: unknown
    try {
      const reply = await fetch(rpcUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      })
      if (!reply.ok) throw new Error(`HTTP status ${reply.status}`)
      answer = await reply.json()
    } catch (error) {
      throw unavailable(error instanceof Error ? error.message : String(error), error)
    }
    const parsed = z.array(response).safeParse(answer)
    if (!parsed.success) throw unavailable('its answer is not JSON-RPC', parsed.error)
    const byId = new Map(parsed.data.map(item => [item.id, item]))
    return calls.map(({ method }, id) => {
      const item = byId.get(id)
      if (item === undefined) throw unavailable(`no answer to ${method}`)
      if (item.error !== undefined) throw unavailable(`${method}: ${item.error.message}`)
      return item.result
    })
  }

  function unavailable(reason: string, cause?: unknown): ChainUnavailableError {
    return new ChainUnavailableError(`The chain at ${rpcUrl} cannot be read: ${reason}`, { cause })
  }

  function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
    const parsed = schema.safeParse(value)
    if (!parsed.success) throw unavailable(`${what} is malformed: ${z.prettifyError(parsed.error)}`)
    return parsed.data
  }

  return {
    async latestBlock(signal) {
      const [block] = await post([{ method: 'eth_getBlockByNumber', params: ['latest', false] }], signal)
      return check(chainBlock, block, 'the latest block')
    },

    async blocks(wanted, signal) {
      const blocks: (ChainBlock | undefined)[] = []
      for (let start = 0; start < wanted.length; start += maxBatchSize) {
        const calls = wanted.slice(start, start + maxBatchSize).map(({ number, transactions }) => ({
          method: 'eth_getBlockByNumber',
          params: [`0x${number.toString(16)}`, transactions]
        }))
        for (const block of await post(calls, signal)) {
          blocks.push(block === null ? undefined : check(chainBlock, block, 'a block'))
        }
      }
      return blocks
    },

    async logs({ addresses, topics, fromBlock, toBlock }, signal) {
      const filter = {
        address: addresses,
        topics: [topics],
        fromBlock: `0x${fromBlock.toString(16)}`,
        toBlock: `0x${toBlock.toString(16)}`
      }
      const [logs] = await post([{ method: 'eth_getLogs', params: [filter] }], signal)
      return check(z.array(chainLog), logs, 'the answer to eth_getLogs')
    }
  }
}
