import type { Address, JobKey, PeerKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { Database } from '../interface/database.js'
import type { EmitEvent } from '../interface/events.js'
import type { Gossip } from '../interface/gossip.js'
import {
  type Candidate,
  type EquivocationProof,
  type LeaseTiming,
  type Presence,
  ReleaseReason
} from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import { claimGate } from './claim-gate.js'
import { claimer } from './claimer.js'
import type { Claimer } from './claimer-types.js'
import { type LeaseBook, leaseBook } from './lease-book.js'
import { type Listener, listener } from './listener.js'
import { type OwnLeases, ownLeases } from './own-leases.js'
import { type PresencePublisher, presencePublisher } from './presence.js'
import { type Roster, roster } from './roster.js'
import { type Shunned, shunned } from './shunned.js'

export interface LeaseStageInit {
  self: PeerKey
  account: Address
  timing: LeaseTiming
  isContinuous: boolean
  unservedAfterMs: number
  /** Manifest CIDs that this worker can run. */
  models(): string[]
  /** Whether it may have a model soon. Default: none. */
  isComing?(model: string): boolean
  /** How many jobs it may run at once, now: none when it shuts down. */
  capacity(): number
  /** How many it runs. */
  load(): number
  hasPeers(): boolean
  onAcquired(candidate: Candidate): void
  onLost(job: JobKey): void
  onFinal(job: JobKey): void
  onGone(candidate: Candidate): void
  onPast(job: JobKey): void
  isPending(job: JobKey): boolean
}

export interface LeaseStageComponents {
  gossip: Pick<Gossip, 'publishLeases' | 'publishPresence'> & {
    publishProof(proof: EquivocationProof): Promise<void>
  }
  database: Database
  chain: ChainReader
  /** Compares this node's clock with those of registered workers. */
  clockWatch: {
    heard(presence: Presence, atMs: number): void
    check(): boolean
    isRight(): boolean
    isOutOfTime(): boolean
  }
  clock: Clock
  random(): number
  logger: Logger
  emit: EmitEvent
}

/** All by which a worker decides which jobs are its own. */
export interface LeaseStage {
  book: LeaseBook
  roster: Roster
  own: OwnLeases
  claims: Claimer
  listener: Listener
  shunned: Shunned
  presence: PresencePublisher
  /** The gate has opened or shut. */
  onGateChange(): void
  /** To be called once `own` has been recovered. */
  start(): void
  /** Claims no more, and tells others so. */
  stopClaiming(): Promise<void>
  /** Releases what is still held, and falls silent. */
  stop(): Promise<void>
}

export function leaseStage(init: LeaseStageInit): (components: LeaseStageComponents) => LeaseStage {
  const { self, account, timing, isContinuous } = init
  return ({ gossip, database, chain, clockWatch, clock, random, logger, emit }) => {
    let rosterTimer: Timer | undefined
    let isClaiming = false

    const book = leaseBook({ slotMs: timing.slotMs, self, now: clock.now })
    const shuns = shunned({ clock })
    const others = roster({ self, timing, claimsSince: book.claimsSince })({
      chain,
      clock,
      logger: logger.child({ name: 'roster' })
    })
    const own = ownLeases({
      self,
      timing,
      isContinuous,
      isClockRight: clockWatch.check,
      onExpired: job => claims.onExpired(job),
      // Not of a job that is done with: nothing would take the lease out again.
      onSigned: lease => {
        if (book.claim(lease) !== undefined) book.add(lease)
      }
    })({
      database,
      gossip,
      clock,
      logger: logger.child({ name: 'leases' }),
      emit
    })
    const gate = claimGate({
      timing,
      onListened: () => claims.start(),
      onChange: () => onGateChange()
    })({ database, own, hasPeers: init.hasPeers, clock })
    const claims: Claimer = claimer({
      ...init,
      canRun: model => init.models().includes(model),
      room: () => (gate.isOpen() && clockWatch.isRight() ? init.capacity() - init.load() : 0)
    })({ book, roster: others, own, chain, clock, logger: logger.child({ name: 'claimer' }), emit })
    const presence = presencePublisher({
      self,
      account,
      timing,
      models: init.models,
      capacity: () => (gate.opensSoon() && clockWatch.isRight() ? init.capacity() : 0),
      load: init.load,
      workers: others.size,
      isOutOfTime: clockWatch.isOutOfTime
    })({ gossip, clock, random, logger: logger.child({ name: 'presence' }) })
    const listening = listener({
      self,
      timing,
      onNewWorker: presence.answer,
      onOwnHeard: () => gate.recheck()
    })({
      claims,
      book,
      roster: others,
      own,
      shunned: shuns,
      gossip,
      clockWatch,
      clock,
      random,
      logger: logger.child({ name: 'listener' })
    })

    const tell = (): Promise<void> =>
      presence.publish().catch(err => logger.debug({ err }, 'presence could not be published'))

    /** Others rank without a worker that is full. */
    function onGateChange(): void {
      if (!isClaiming) return
      presence.refresh()
      claims.onRoom()
    }

    const whoCanWhat = (): string => [others.version(), ...init.models()].join()

    /** Workers that fell silent leave the ranks; and this one may have models that it had not, or lack some that it had. */
    function watchRoster(known: string): void {
      const current = whoCanWhat()
      if (current !== known) claims.onRosterChange()
      clockWatch.check()
      rosterTimer = clock.schedule(timing.presenceIntervalMs, () => watchRoster(current))
    }

    return {
      book,
      roster: others,
      own,
      claims,
      listener: listening,
      shunned: shuns,
      presence,
      onGateChange,
      start() {
        isClaiming = true
        presence.start()
        watchRoster(whoCanWhat())
        gate.start()
      },
      async stopClaiming() {
        isClaiming = false
        gate.stop()
        rosterTimer?.cancel()
        await claims.stop()
        await tell()
      },
      async stop() {
        presence.stop()
        await own.releaseAll(ReleaseReason.ShuttingDown)
        own.stop()
        listening.stop()
      }
    }
  }
}
