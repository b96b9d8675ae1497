import type { Clock } from '../interface/clock.js'

export interface RequestMeterInit {
  /** Of one peer: `perSecond` in the long run, `burst` at once. */
  peer: { perSecond: number; burst: number }
  /** Of all peers together. */
  all: { perSecond: number; burst: number }
  /** Peers with an account. Those used longest ago are dropped, and begin anew. */
  maxPeers: number
}

/** Tells how long requests must rest. */
export interface RequestMeter {
  /** Charges a peer for so many requests. Returns how long, in ms, nothing more may be read of it. */
  charge(peer: string, requests: number): number
  /** The same, of what it owes already. */
  waitMs(peer: string): number
}

/** Token buckets that may be overdrawn: a request has been made when it is counted, and those after it wait. */
export function requestMeter({
  peer: each,
  all,
  maxPeers
}: RequestMeterInit): (components: { clock: Clock }) => RequestMeter {
  return ({ clock }) => {
    /** When what a peer has asked is paid for at its rate, in order of last use. */
    const paidAtMs = new Map<string, number>()
    let allPaidAtMs = 0

    const excessMs = (paidMs: number, { perSecond, burst }: RequestMeterInit['all']): number =>
      Math.max(0, paidMs - clock.now() - (1_000 * burst) / perSecond)

    const waitMs = (peer: string): number =>
      Math.max(excessMs(paidAtMs.get(peer) ?? 0, each), excessMs(allPaidAtMs, all))

    return {
      charge(peer, requests) {
        const nowMs = clock.now()
        const paidMs = Math.max(paidAtMs.get(peer) ?? 0, nowMs) + (1_000 * requests) / each.perSecond
        paidAtMs.delete(peer)
        paidAtMs.set(peer, paidMs)
        const [oldest] = paidAtMs.keys()
        if (paidAtMs.size > maxPeers && oldest !== undefined) paidAtMs.delete(oldest)
        allPaidAtMs = Math.max(allPaidAtMs, nowMs) + (1_000 * requests) / all.perSecond
        return waitMs(peer)
      },
      waitMs
    }
  }
}
