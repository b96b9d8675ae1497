import type { PrivateKey } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import { Bucket } from '../../src/db/buckets.js'
import { envelopeCodec } from '../../src/gossip/envelope.js'
import { Leases } from '../../src/gossip/messages.js'
import type { Clock, Database, LeaseTiming, PubSub } from '../../src/interface/index.js'
import { network } from './chain-client.js'

/** Rules that can be broken on purpose, to see that the simulation notices. */
export const breakRules = ['renewal-start', 'publish-first', 'no-epsilon', 'set-waits'] as const
export type BreakRule = (typeof breakRules)[number]

export const describeBreak: Record<BreakRule, string> = {
  'renewal-start': 'A renewal goes out with a start of its own instead of its claim’s',
  'publish-first': 'A lease is gossiped without waiting until it is on disk',
  'no-epsilon': 'A receiver takes a claim whatever its start',
  'set-waits': 'A node waits by the clock of its machine, which may be set'
}

/** No receiver refuses a start for its time: the allowed difference of clocks is 20 s. */
export function breakTiming(timing: LeaseTiming, rule: BreakRule | undefined): LeaseTiming {
  return rule === 'no-epsilon' ? { ...timing, skewMs: 20_000 } : timing
}

export function breakClock(clock: Clock, rule: BreakRule | undefined): Clock {
  return rule === 'set-waits' ? { ...clock, steadyMs: clock.now } : clock
}

/** What is written of a lease before it is published: the lease, and that its claim was signed. */
const ofLeases = new Set<number | undefined>([Bucket.ownLeases, Bucket.signedClaims])

/** A worker takes its leases for stored as soon as it has handed them to the disk. */
export function breakDatabase(database: Database, rule: BreakRule | undefined): Database {
  if (rule !== 'publish-first') return database
  return {
    ...database,
    async batch(operations, options) {
      const written = database.batch(operations, options)
      if (!operations.every(({ key }) => ofLeases.has(key[0]))) return written
      // What becomes of the write is nobody's business any more: that is the broken rule.
      written.catch(() => {})
    }
  }
}

/** A worker signs renewals anew, with the present time as their start, on their way out. */
export function breakPubSub(
  pubsub: PubSub,
  privateKey: PrivateKey,
  clock: Clock,
  rule: BreakRule | undefined
): PubSub {
  if (rule !== 'renewal-start') return pubsub
  const codec = envelopeCodec(network, 'leases')
  return {
    ...pubsub,
    async publish(topic, data) {
      if (!topic.includes('/leases/')) return pubsub.publish(topic, data)
      const { payload } = RecordEnvelope.createFromProtobuf(data)
      const { sentAtMs, leases, ...rest } = Leases.decode(payload)
      const moved = leases.map(lease => {
        if (lease.sequence === 0 || lease.release !== 0) return lease
        const startMs = clock.now()
        return { ...lease, startMs, durationMs: lease.startMs + lease.durationMs - startMs }
      })
      const changed = Leases.encode({ ...rest, sentAtMs, leases: moved })
      return pubsub.publish(topic, await codec.seal(changed, privateKey))
    }
  }
}
