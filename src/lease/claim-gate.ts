import type { Clock, Timer } from '../interface/clock.js'
import type { Database } from '../interface/database.js'
import type { LeaseTiming } from '../interface/lease.js'

/** A worker claims nothing before it has listened for this many presence intervals after it found a peer. */
const LISTEN_INTERVALS = 1.5
/** Without any peer it goes on alone after this many. */
const ALONE_INTERVALS = 4

export interface ClaimGateInit {
  timing: LeaseTiming
  /** The others' presence has been heard, or there is nobody. Called once. */
  onListened(): void
  /** May be called more often than the gate opens and shuts. */
  onChange(): void
}

export interface ClaimGateComponents {
  database: Pick<Database, 'writable'>
  own: { quietUntilMs(): number }
  hasPeers(): boolean
  clock: Clock
}

/** Says when this node must not claim, whatever room it has. */
export interface ClaimGate {
  /** Begins to listen. */
  start(): void
  /** False while the disk takes no writes, as a claim must be on it; and while this key may have claimed before, unknown to us. */
  isOpen(): boolean
  /** Whether it opens about as soon as the node has listened, as far as can be told. */
  opensSoon(): boolean
  /** To be called when the quiet time may have been set. */
  recheck(): void
  stop(): void
}

export function claimGate({
  timing,
  onListened,
  onChange
}: ClaimGateInit): (components: ClaimGateComponents) => ClaimGate {
  const { presenceIntervalMs } = timing
  const listenMs = LISTEN_INTERVALS * presenceIntervalMs
  return ({ database, own, hasPeers, clock }) => {
    let quiet: Timer | undefined
    let listening: Timer | undefined
    const opensWithin = (ms: number): boolean =>
      (database.writable?.isWritable() ?? true) && clock.now() + ms >= own.quietUntilMs()
    const unsubscribe = database.writable?.onChange(onChange)

    function recheck(): void {
      quiet?.cancel()
      const quietMs = own.quietUntilMs() - clock.now()
      if (quietMs <= 0 || !Number.isFinite(quietMs)) return
      quiet = clock.schedule(quietMs, () => {
        // The machine's clock may have been set back meanwhile: nothing else would open the gate of a network at rest.
        recheck()
        onChange()
      })
    }

    function listen(startedMs: number): void {
      const foundPeers = hasPeers()
      if (foundPeers || clock.steadyMs() - startedMs >= ALONE_INTERVALS * presenceIntervalMs) {
        listening = clock.schedule(foundPeers ? listenMs : 0, onListened)
      } else {
        listening = clock.schedule(presenceIntervalMs / 10, () => listen(startedMs))
      }
    }

    return {
      start() {
        recheck()
        listen(clock.steadyMs())
      },
      isOpen: () => opensWithin(0),
      opensSoon: () => opensWithin(listenMs),
      recheck,
      stop() {
        quiet?.cancel()
        listening?.cancel()
        unsubscribe?.()
      }
    }
  }
}
