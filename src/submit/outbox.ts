import type { OutboxEntry, OutboxRepository } from '../db/repositories/outbox.js'
import type { Hex } from '../interface/bytes.js'
import type { Database } from '../interface/database.js'
import type { MinedTransaction } from '../interface/submission-chain.js'

/** A transaction of the outbox, with what only this process knows of it. */
export interface Tracked {
  entry: OutboxEntry
  /** Where it stands on the chain; undefined while it waits. */
  mined: MinedTransaction | undefined
  /** When it was last sent, replaced or found to be waiting. */
  touchedAtMs: number
  /** How often in a row, and when last, its nonce was used up without any of its versions being found. */
  consumedLooks: number
  consumedAtMs: number
  /** Whether it is to be looked after at the next look: an earlier process left it, or a reorg dropped it. */
  isLoose: boolean
  /** Why the endpoint did not take its latest version, where it did not. */
  refusal: 'underpriced' | 'rejected' | undefined
  /** Items that it could not finalise as they were: what took their place goes in another. By request hash. */
  replaced: Set<Hex>
}

/** The transactions that are not final, in memory as in the database. Writes come first, memory after. */
export interface Outbox {
  load(nowMs: number): Promise<void>
  all(): Tracked[]
  /** Those that no block holds, by nonce. */
  pending(): Tracked[]
  nonces(): Set<number>
  /** Written with `sync`: it must be there before anything is sent. */
  add(entry: OutboxEntry, nowMs: number): Promise<Tracked>
  update(tracked: Tracked, change: Partial<OutboxEntry>, options: { sync: boolean }): Promise<void>
  remove(tracked: Tracked): Promise<void>
}

export function outbox(database: Database, repository: OutboxRepository): Outbox {
  const byNonce = new Map<number, Tracked>()
  const track = (entry: OutboxEntry, nowMs: number, isLoose: boolean): Tracked => {
    const tracked: Tracked = {
      entry,
      mined: undefined,
      touchedAtMs: nowMs,
      consumedLooks: 0,
      consumedAtMs: Number.NEGATIVE_INFINITY,
      isLoose,
      refusal: undefined,
      replaced: new Set()
    }
    byNonce.set(entry.nonce, tracked)
    return tracked
  }
  const all = () => [...byNonce.values()].sort((a, b) => a.entry.nonce - b.entry.nonce)
  return {
    async load(nowMs) {
      byNonce.clear()
      for (const entry of await repository.entries()) track(entry, nowMs, true)
    },
    all,
    pending: () => all().filter(({ mined }) => mined === undefined),
    nonces: () => new Set(byNonce.keys()),
    async add(entry, nowMs) {
      await database.batch([repository.put(entry)], { sync: true })
      return track(entry, nowMs, false)
    },
    async update(tracked, change, { sync }) {
      const entry = { ...tracked.entry, ...change }
      await database.batch([repository.put(entry)], { sync })
      tracked.entry = entry
    },
    async remove({ entry }) {
      await database.batch([repository.del(entry.nonce)])
      byNonce.delete(entry.nonce)
    }
  }
}
