import { envelopeCodec as compute, type EnvelopeCodec, type Opened } from '../../../src/gossip/envelope.js'

export type { EnvelopeCodec, Opened }

type Kind = Parameters<typeof compute>[1]

const verdicts = new Map<Kind, WeakMap<Uint8Array, Promise<Opened>>>()

/**
 * As src/gossip/envelope.ts, for one network: the first node that opens an envelope does so for real, and the others, which get
 * the very same bytes, are given what came of it. The bytes must not be changed after they were sent.
 */
export const envelopeCodec: typeof compute = (network, kind, authors) => {
  const codec = compute(network, kind, authors)
  const known = verdicts.get(kind) ?? new WeakMap<Uint8Array, Promise<Opened>>()
  verdicts.set(kind, known)
  return {
    ...codec,
    open(bytes) {
      const before = known.get(bytes)
      if (before !== undefined) return before
      const opened = codec.open(bytes)
      known.set(bytes, opened)
      return opened
    }
  }
}
