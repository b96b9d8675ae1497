import type { Libp2p, Peer, PeerId, PeerUpdate } from '@libp2p/interface'
import type { Clock, Logger, Startable, Timer } from '../interface/index.js'

export interface DialerInit {
  /** It dials until this many peers are connected, whoever dialled. */
  targetPeers: number
  /** Peers that it remembers. */
  candidates: number
  /** Dials at once. */
  parallel: number
  backoffMs: number
  /** For peers that have answered, and those of `keep`. */
  maxBackoffMs: number
  /** For all others. */
  slowBackoffMs: number
  /** Peer ids that the operator has named. */
  keep?: string[]
  /** How long one dial may take. */
  dialTimeoutMs: number
}

export interface DialerComponents {
  libp2p: Pick<
    Libp2p,
    'peerId' | 'peerStore' | 'dial' | 'getPeers' | 'addEventListener' | 'removeEventListener'
  >
  clock: Clock
  logger: Logger
  /** From 0 to below 1. */
  random: () => number
}

interface Candidate {
  id: PeerId
  attempts: number
  /** At the addresses that it has now. */
  hasAnswered: boolean
  /** Not dialled before. */
  nextAtMs: number
  dialling: boolean
}

/**
 * Keeps a node connected: libp2p finds peers but does not dial them. Dials the peers that the peer store knows from before,
 * that discovery finds and that were lost, until enough are connected; with back-off for each peer.
 */
export function dialer(init: DialerInit): (components: DialerComponents) => Startable {
  const keep = new Set(init.keep)
  return ({ libp2p, clock, logger, random }) => {
    const candidates = new Map<string, Candidate>()
    let running = false
    let timer: Timer | undefined
    let abort = new AbortController()

    /** A peer to dial, at once: it is new, or has new addresses. */
    function add(peer: Pick<Peer, 'id' | 'addresses'>): void {
      const name = peer.id.toString()
      if (peer.id.equals(libp2p.peerId) || peer.addresses.length === 0) return
      const known = candidates.get(name)
      if (known !== undefined) {
        known.attempts = 0
        known.hasAnswered = false
        known.nextAtMs = clock.steadyMs()
      } else {
        if (candidates.size >= init.candidates) forgetWorst()
        const candidate = { id: peer.id, attempts: 0, hasAnswered: false, dialling: false }
        candidates.set(name, { ...candidate, nextAtMs: clock.steadyMs() })
      }
    }

    /** Forgets the peer that failed most often. */
    function forgetWorst(): void {
      let worst: [string, Candidate] | undefined
      for (const entry of candidates) {
        if (!entry[1].dialling && entry[1].attempts >= (worst?.[1].attempts ?? 0)) worst = entry
      }
      if (worst !== undefined) candidates.delete(worst[0])
    }

    function fill(): void {
      timer?.cancel()
      timer = undefined
      if (!running) return
      const connected = new Set(libp2p.getPeers().map(String))
      const idle = [...candidates].filter(([name, { dialling }]) => !dialling && !connected.has(name))
      const dialling = [...candidates.values()].filter(candidate => candidate.dialling).length
      const free = Math.min(init.parallel, init.targetPeers - connected.size) - dialling
      if (free <= 0) return
      const nowMs = clock.steadyMs()
      const due = idle
        .filter(([, { nextAtMs }]) => nextAtMs <= nowMs)
        .sort(([, a], [, b]) => a.attempts - b.attempts)
      for (const [name, candidate] of due.slice(0, free)) void dial(name, candidate)
      // Those beyond `free` are looked at again when a dial ends; the later ones in their time.
      const nextAtMs = Math.min(
        ...idle.map(([, candidate]) => candidate.nextAtMs).filter(atMs => atMs > nowMs)
      )
      if (Number.isFinite(nextAtMs)) timer = clock.schedule(nextAtMs - nowMs, fill)
    }

    async function dial(name: string, candidate: Candidate): Promise<void> {
      candidate.dialling = true
      try {
        const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(init.dialTimeoutMs)])
        await libp2p.dial(candidate.id, { signal })
        candidate.attempts = 0
        candidate.hasAnswered = true
      } catch (err) {
        const longestMs = candidate.hasAnswered || keep.has(name) ? init.maxBackoffMs : init.slowBackoffMs
        const backoffMs = Math.min(longestMs, init.backoffMs * 2 ** Math.min(candidate.attempts, 30))
        candidate.attempts++
        // By lot between a half and the whole, so that two nodes do not dial each other in step.
        candidate.nextAtMs = clock.steadyMs() + backoffMs * (0.5 + random() / 2)
        logger.debug({ peer: name, attempts: candidate.attempts, err }, 'could not dial a peer')
      } finally {
        candidate.dialling = false
      }
      fill()
    }

    function onUpdate({ detail: { peer, previous } }: CustomEvent<PeerUpdate>): void {
      if (addressesOf(peer) === addressesOf(previous)) return
      add(peer)
      fill()
    }

    function onDisconnect({ detail: id }: CustomEvent<PeerId>): void {
      const candidate = candidates.get(id.toString())
      // The other side may have closed it on purpose: not at once.
      if (candidate !== undefined) candidate.nextAtMs = clock.steadyMs() + init.backoffMs * random()
      fill()
    }

    return {
      async start() {
        if (running) return
        running = true
        abort = new AbortController()
        libp2p.addEventListener('peer:update', onUpdate)
        libp2p.addEventListener('peer:disconnect', onDisconnect)
        for (const peer of await libp2p.peerStore.all({ limit: init.candidates })) add(peer)
        fill()
      },
      stop() {
        if (!running) return
        running = false
        libp2p.removeEventListener('peer:update', onUpdate)
        libp2p.removeEventListener('peer:disconnect', onDisconnect)
        timer?.cancel()
        abort.abort()
        candidates.clear()
      }
    }
  }
}

function addressesOf(peer: Peer | undefined): string {
  return (peer?.addresses ?? [])
    .map(({ multiaddr }) => multiaddr.toString())
    .sort()
    .join(' ')
}
