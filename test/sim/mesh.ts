import type { Random } from './random.js'

/** A ring, so that all are connected, and links drawn at random between nodes that have fewer than the degree. */
export function meshOf(count: number, degree: number, rng: Random): number[][] {
  const peers = Array.from({ length: count }, () => new Set<number>())
  const link = (a: number, b: number): void => {
    if (a === b) return
    peers[a]?.add(b)
    peers[b]?.add(a)
  }
  const ring = rng.shuffle(Array.from({ length: count }, (_, index) => index))
  for (const [index, node] of ring.entries()) link(node, ring[(index + 1) % count] ?? node)
  for (let node = 0; node < count; node++) {
    const own = peers[node]
    for (
      let tries = 0;
      own !== undefined && own.size < Math.min(degree, count - 1) && tries < 4 * degree;
      tries++
    ) {
      const peer = rng.int(0, count - 1)
      if ((peers[peer]?.size ?? 0) < degree) link(node, peer)
    }
  }
  return peers.map(own => [...own].sort((a, b) => a - b))
}
