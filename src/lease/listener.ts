import type { PeerKey } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { EquivocationProof, Lease, LeaseTiming, Presence } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import type { Claimer } from './claimer-types.js'
import type { LeaseBook } from './lease-book.js'
import type { OwnLeases } from './own-leases.js'
import type { Roster } from './roster.js'
import type { Shunned } from './shunned.js'
import { waitingLeases } from './waiting-leases.js'
import { waitingProofs } from './waiting-proofs.js'

export interface ListenerInit {
  self: PeerKey
  timing: LeaseTiming
  /** A worker is seen for the first time. */
  onNewWorker(): void
  /** Leases of this node's own key came from peers. */
  onOwnHeard(): void
}

export interface ListenerComponents {
  claims: Claimer
  book: LeaseBook
  roster: Roster
  own: Pick<OwnLeases, 'heard'>
  shunned: Shunned
  gossip: { publishProof(proof: EquivocationProof): Promise<void> }
  /** Is told when registered workers sent their presence, in time or not. */
  clockWatch: { heard(presence: Presence, atMs: number): void }
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  logger: Logger
}

/** Takes what other workers say of themselves and of their claims, however it came here. */
export interface Listener {
  /** A lease counts if its author is a registered worker; until its presence shows that, the lease waits. */
  onLeases(leases: Lease[], author: PeerKey, envelope?: Uint8Array): void
  onPresence(presence: Presence, envelope?: Uint8Array, isPassedOn?: boolean): void
  /** One that counts as none, as it is early or late. */
  onUntimelyPresence(presence: Presence): void
  /** A checked proof. It counts against a registered worker; until its presence shows that it is one, the proof waits. */
  onProof(proof: EquivocationProof): void
  stop(): void
}

export function listener(init: ListenerInit): (components: ListenerComponents) => Listener {
  const { self, timing } = init
  return ({ claims, book, roster, own, shunned, gossip, clockWatch, clock, random, logger }) => {
    const strangers = waitingLeases()
    /** Who joins gets proofs before the presence of those that they are against. */
    const unproven = waitingProofs()
    /** Proofs found here, before they are told. */
    const telling = new Map<PeerKey, Timer>()

    function onLeases(leases: Lease[], author: PeerKey, envelope?: Uint8Array): void {
      if (author === self) hearOwn(leases)
      else if (shunned.has(author)) return
      else if (!roster.isRegistered(author)) strangers.hold(author, leases, envelope)
      else {
        for (const lease of claims.onLeases(leases, envelope)) {
          const proof = book.equivocation(lease)
          if (proof !== undefined) prove(proof)
        }
      }
    }

    /** From peers, and with this node's signature: of an earlier run, or of a twin. */
    function hearOwn(leases: Lease[]): void {
      own
        .heard(leases)
        .catch(err => logger.warn({ err }, 'leases of an earlier run could not be noted'))
        .finally(() => {
          claims.onLeases(leases)
          init.onOwnHeard()
        })
    }

    async function see(presence: Presence, envelope?: Uint8Array, isPassedOn = false): Promise<void> {
      const { worker } = presence
      const atMs = clock.steadyMs()
      const versionBefore = roster.version()
      const { isNew, isBack } = await roster.see(presence, envelope)
      if (isNew) init.onNewWorker()
      if (roster.version() !== versionBefore) claims.onRosterChange()
      if (!roster.isRegistered(worker)) return
      if (!isPassedOn) clockWatch.heard(presence, atMs)
      const proof = unproven.release(worker)
      if (proof !== undefined) shun(proof)
      if (isBack) claims.onHeard(worker)
      for (const { lease, envelope: heldIn } of strangers.release(worker)) onLeases([lease], worker, heldIn)
    }

    async function compare(presence: Presence): Promise<void> {
      const atMs = clock.steadyMs()
      if (await roster.isWorker(presence)) clockWatch.heard(presence, atMs)
    }

    function shun(proof: EquivocationProof): boolean {
      const { worker, job } = proof.leases[0]
      if (!shunned.add(proof)) return false
      logger.warn(
        { worker, job },
        'a worker claimed a job twice in one slot: it is not listened to for a while'
      )
      roster.drop(worker)
      // Nodes learn of the lie at different times, and have heard different leases of its by then: none counts any more.
      claims.onShunned(worker)
      claims.onRosterChange()
      return true
    }

    /**
     * Found here, and so at the same time by all who have both leases: each waits for a while by lot, and is silent if another
     * has told meanwhile.
     */
    function prove(proof: EquivocationProof): void {
      const { worker } = proof.leases[0]
      if (!shun(proof)) return
      const timer = clock.schedule(random() * 2 * timing.slotMs, () => {
        telling.delete(worker)
        gossip
          .publishProof(proof)
          .catch(err => logger.debug({ err }, 'a proof could not be published; others find it by sync'))
      })
      telling.set(worker, timer)
    }

    return {
      onLeases,
      onPresence(presence, envelope, isPassedOn) {
        if (shunned.has(presence.worker)) return
        see(presence, envelope, isPassedOn).catch(err =>
          logger.debug({ err }, 'a presence message could not be checked')
        )
      },
      onUntimelyPresence(presence) {
        if (shunned.has(presence.worker)) return
        compare(presence).catch(err => logger.debug({ err }, 'a presence message could not be checked'))
      },
      onProof(proof) {
        const { worker } = proof.leases[0]
        telling.get(worker)?.cancel()
        telling.delete(worker)
        if (worker === self) return hearOwn(proof.leases)
        // Anyone can make keys without number: only those that could claim are to be shunned.
        if (roster.isRegistered(worker)) shun(proof)
        else unproven.hold(proof)
      },
      stop() {
        for (const timer of telling.values()) timer.cancel()
      }
    }
  }
}
