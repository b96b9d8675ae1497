import { z } from 'zod'
import { roles } from '../config/settings.js'

/**
 * What a node is like now: one object for its status file, its log, and whatever else shows it. All of it is in memory already.
 * Times are ms since the epoch, amounts decimal text in wei; null: not known (yet), or not of this role.
 *
 * The schema reads it back from a file that anyone may have written: texts are bounded and cannot steer a terminal.
 */

/** The CIDs, peer ids and multiaddrs that are in it have 50 to 200 characters; the reason of a failure is cut to this. */
export const maxTextLength = 1_000
/** A machine has a handful of addresses. */
export const maxAddresses = 100

const text = z
  .string()
  .max(maxTextLength)
  .regex(/^\P{Cc}*$/u)
const hexAddress = z.string().regex(/^0x[0-9a-fA-F]{40}$/)
const wei = z.string().regex(/^\d{1,78}$/)
const timeMs = z.int().min(0)
const count = z.int().min(0)
const name = z.string().regex(/^[a-z][a-z:-]{0,49}$/)

export const nodeStates = ['starting', 'ready', 'stopping', 'stopped'] as const
export type NodeState = (typeof nodeStates)[number]

export const nodeStatusSchema = z.object({
  /** Another number: written by a version whose object differs. */
  format: z.literal(1),
  pid: z.int().min(1),
  /** The machine, or container, in which `pid` counts. */
  host: text,
  version: text,
  role: z.enum(roles),
  state: z.enum(nodeStates),
  /** What a node that starts is at. */
  step: text.nullable(),
  /** Why it ended, if not because it was told to. */
  failure: z.object({ code: text, message: text }).nullable(),
  startedAtMs: timeMs,
  readyAtMs: timeMs.nullable(),
  writtenAtMs: timeMs,
  peerId: text,
  addresses: z.array(text).max(maxAddresses),
  /** Connected ones. */
  peers: count,
  network: z.object({ chainId: count, oracle: hexAddress, registry: hexAddress }),
  /** The RPC endpoint. `blockNumber`: as a worker last saw it. */
  chain: z
    .object({ answeredMs: timeMs.nullable(), isDown: z.boolean(), blockNumber: count.nullable() })
    .nullable(),
  rssBytes: count,
  /** How often each event of a job happened here since the start. */
  events: z.record(name, count),
  /** Codes of what keeps it from working: node/status/problems.ts. */
  problems: z.array(name).max(100),
  sequencer: z
    .object({
      openJobs: count,
      /** Up to which the subgraph has been read. */
      blockNumber: count.nullable(),
      subgraphReadMs: timeMs.nullable(),
      hasIndexingErrors: z.boolean()
    })
    .nullable(),
  worker: z
    .object({
      account: hexAddress,
      /** Models that it offers. */
      models: count,
      /** How many jobs it runs at once. */
      capacity: count,
      openJobs: count,
      heldJobs: count,
      runningJobs: count,
      /** Other live workers. */
      workers: count,
      /** Leases in memory, of all workers. */
      leases: count,
      waitingResults: count,
      pendingTransactions: count,
      balanceWei: wei.nullable(),
      /** When the chain told the balance. */
      balanceAtMs: timeMs.nullable(),
      /** For a success. */
      payWei: wei.nullable()
    })
    .nullable()
})

export type NodeStatus = z.infer<typeof nodeStatusSchema>
