import type { Libp2p } from '@libp2p/interface'
import type { Clock, Logger, Startable, Timer } from '../interface/index.js'
import { parseCid } from './cid.js'
import { contentLimits } from './limits.js'

export interface ProviderRoutingComponents {
  libp2p: Pick<Libp2p, 'contentRouting' | 'peerId' | 'dial' | 'getPeers'>
  clock: Clock
  logger: Logger
}

/** Who has what, by the provider records of the DHT. */
export interface ProviderRouting extends Startable {
  /** Tells others that this node has the content, soon and for as long as it runs. Never throws. */
  provide(cid: string): void
  /** Connects to peers that say they have the content, and calls `onPeer` for each that is connected. */
  connectProviders(cid: string, onPeer: (peer: string) => void, signal: AbortSignal): Promise<void>
}

/** Roots that wait to be provided; beyond them the oldest is left out, and found by asking peers alone. */
const maxWaiting = 10_000
/** Between two tries while there is no peer, or none answers. */
const retryMs = 5_000
/** kad-dht's records hold for 48 hours, and it renews what it holds as its own. */
const provideTimeoutMs = 30_000

export function providerRouting({ libp2p, clock, logger }: ProviderRoutingComponents): ProviderRouting {
  const waiting = new Set<string>()
  let life: AbortController | undefined
  let timer: Timer | undefined
  let working: Promise<void> = Promise.resolve()
  let isWorking = false

  function wake(): void {
    if (isWorking || life === undefined) return
    timer?.cancel()
    isWorking = true
    working = work(life.signal).finally(() => {
      isWorking = false
      if (waiting.size > 0 && life !== undefined) timer = clock.schedule(retryMs, wake)
    })
  }

  async function work(signal: AbortSignal): Promise<void> {
    for (const cid of waiting) {
      if (signal.aborted || libp2p.getPeers().length === 0) return
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(provideTimeoutMs)])
        await libp2p.contentRouting.provide(parseCid(cid), { signal: limit })
        waiting.delete(cid)
      } catch (err) {
        logger.debug({ err, cid }, 'content could not be announced; trying again')
        return
      }
    }
  }

  return {
    start() {
      life ??= new AbortController()
      wake()
    },
    async stop() {
      life?.abort(new Error('The node stops'))
      life = undefined
      timer?.cancel()
      await working
    },

    provide(cid) {
      waiting.add(cid)
      for (const oldest of waiting) {
        if (waiting.size <= maxWaiting) break
        waiting.delete(oldest)
      }
      wake()
    },

    async connectProviders(cid, onPeer, signal) {
      // The DHT of nobody would be searched until the time is over.
      if (libp2p.getPeers().length === 0) return
      const limit = AbortSignal.any([signal, AbortSignal.timeout(contentLimits.searchTimeoutMs)])
      const dials: Promise<void>[] = []
      try {
        for await (const { id } of libp2p.contentRouting.findProviders(parseCid(cid), { signal: limit })) {
          if (id.equals(libp2p.peerId)) continue
          dials.push(
            libp2p.dial(id, { signal: limit }).then(
              () => onPeer(id.toString()),
              err => logger.debug({ err, cid, peer: id.toString() }, 'a provider could not be reached')
            )
          )
          if (dials.length >= contentLimits.providers) break
        }
      } catch (err) {
        signal.throwIfAborted()
        // A network without a DHT, or one that is slow: those who are connected can be asked all the same.
        logger.debug({ err, cid }, 'the DHT could not be searched')
      }
      await Promise.all(dials)
    }
  }
}
