import { LRUCache } from 'lru-cache'
import type { Address, PeerKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { Presence } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import type { ClockWatch } from './clock-watch.js'

/** Workers that are known to be registered, as in a worker's roster. About 200 bytes each. */
const MAX_WORKERS = 10_000
/** Presences that wait for one look at the registry; those beyond are heard at their next. */
const MAX_WAITING = 256
const LOOK_MS = 250
/** After this long the registry is asked again. */
const RECHECK_MS = 300_000

export interface RegisteredWorkersComponents {
  chain: Pick<ChainReader, 'peerKeysOf'>
  clockWatch: Pick<ClockWatch, 'heard'>
  clock: Clock
  logger: Logger
}

/** For a node that takes no part in the work, and still has to tell workers from made-up keys. */
export interface RegisteredWorkers {
  /**
   * A worker names its account, in time or not; the registry is asked, soon, whether it names the worker. Returns whether it is known
   * to.
   */
  see(presence: Pick<Presence, 'worker' | 'account' | 'sentAtMs' | 'isOutOfTime'>): boolean
  has(worker: PeerKey): boolean
  stop(): void
}

export function registeredWorkers({
  chain,
  clockWatch,
  clock,
  logger
}: RegisteredWorkersComponents): RegisteredWorkers {
  const aborter = new AbortController()
  /** When the registry confirmed each. */
  const confirmed = new LRUCache<PeerKey, number>({ max: MAX_WORKERS })
  const waiting = new Map<PeerKey, Address>()
  let timer: Timer | undefined

  async function look(): Promise<void> {
    const batch = [...waiting]
    waiting.clear()
    const keys = await chain.peerKeysOf(
      batch.map(([, account]) => account),
      aborter.signal
    )
    for (const [index, [worker]] of batch.entries()) {
      if (keys[index] === worker) confirmed.set(worker, clock.steadyMs())
      else confirmed.delete(worker)
    }
  }

  function lookSoon(): void {
    timer ??= clock.schedule(LOOK_MS, () => {
      look()
        .catch(err => {
          // What was known goes on counting; each worker asks again with its next presence.
          if (!aborter.signal.aborted) logger.debug({ err }, 'the registry could not be asked about workers')
        })
        .then(() => {
          timer = undefined
          if (waiting.size > 0 && !aborter.signal.aborted) lookSoon()
        })
    })
  }

  return {
    see(presence) {
      const { worker, account } = presence
      const checkedMs = confirmed.get(worker)
      if (checkedMs !== undefined) clockWatch.heard(presence, clock.steadyMs())
      const isDue = checkedMs === undefined || checkedMs <= clock.steadyMs() - RECHECK_MS
      if (isDue && waiting.size < MAX_WAITING && !aborter.signal.aborted) {
        waiting.set(worker, account)
        lookSoon()
      }
      return checkedMs !== undefined
    },
    has: worker => confirmed.has(worker),
    stop() {
      aborter.abort()
      timer?.cancel()
    }
  }
}
