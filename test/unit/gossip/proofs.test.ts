import { describe, expect, test } from 'vitest'
import { envelopeCodec } from '../../../src/gossip/envelope.js'
import { gossip } from '../../../src/gossip/gossip.js'
import { rateLimits } from '../../../src/gossip/limits.js'
import { Leases } from '../../../src/gossip/messages.js'
import { topicOf } from '../../../src/gossip/topic.js'
import { encodeLeases } from '../../../src/gossip/validation/leases.js'
import { encodeProof } from '../../../src/gossip/validation/proofs.js'
import type { EquivocationProof, Lease } from '../../../src/interface/index.js'
import { localTiming } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { authorOf, hash, hub, jobKeyOf, keyOf, network, recorder } from './fakes.js'

const topic = topicOf(network, 'leases')
const codec = envelopeCodec(network, 'leases')

async function make() {
  // The start of a slot.
  const clock = manualClock(1_700_000_000_000)
  const net = hub()
  const proofs: EquivocationProof[] = []
  const shunned = new Set<string>()
  const start = async (name: string, number: number) => {
    const { handlers, given } = recorder()
    const node = gossip({ network, timing: localTiming })({
      pubsub: net.pubsub(name),
      privateKey: await keyOf(number),
      clock,
      logger: silentLogger(),
      jobKeyOf,
      handlers: {
        ...handlers,
        onProof: proof => void proofs.push(proof),
        isShunned: author => shunned.has(author)
      }
    })
    await node.start()
    return { node, given }
  }
  const [teller, hearer] = [await start('teller', 1), await start('hearer', 2)]
  const liar = await keyOf(9)
  const sealed = async (offsetMs: number, by = 9, job = hash(1)) => {
    const key = await keyOf(by)
    const startMs = clock.now() + offsetMs
    const claim = { job, worker: authorOf(key), startMs, expiresMs: startMs + 10_000 }
    const lease: Lease = { ...claim, sequence: 0, release: undefined }
    return { lease, envelope: await codec.seal(encodeLeases([lease], lease.worker, clock.now()), key) }
  }
  const proofOf = (a: Awaited<ReturnType<typeof sealed>>, b: typeof a): EquivocationProof => ({
    leases: [a.lease, b.lease],
    envelopes: [a.envelope, b.envelope]
  })
  return { clock, net, proofs, shunned, teller, hearer, liar, sealed, proofOf }
}

describe('proofs of equivocation', () => {
  test('valid: two claims in one slot are handed on with their leases, whoever tells', async () => {
    const { teller, proofs, sealed, proofOf } = await make()
    const proof = proofOf(await sealed(0), await sealed(1))
    await teller.node.publishProof(proof)
    expect(proofs).toMatchObject([{ leases: proof.leases }])
    expect(proofs[0]?.envelopes.map(bytes => [...bytes])).toEqual(proof.envelopes.map(bytes => [...bytes]))
  })

  test.each([
    ['the same claim twice', 0, 0, 9],
    ['claims in two slots', 0, localTiming.slotMs, 9],
    ['claims of two workers', 0, 1, 8]
  ])('rejected: %s', async (_, first, second, by) => {
    const { teller, hearer, proofs, sealed, proofOf } = await make()
    await teller.node.publishProof(proofOf(await sealed(first), await sealed(second, by)))
    expect(proofs).toEqual([])
    expect(hearer.node.stats().topics.leases.in.rejected).toEqual({ value: 1 })
  })

  test('rejected: a proof with a signature that is not the worker’s', async () => {
    const { teller, hearer, proofs, sealed, proofOf } = await make()
    const [a, b] = [await sealed(0), await sealed(1)]
    b.envelope[b.envelope.length - 1] = (b.envelope.at(-1) ?? 0) ^ 1
    await teller.node.publishProof(proofOf(a, b))
    expect(proofs).toEqual([])
    expect(hearer.node.stats().topics.leases.in.rejected).toEqual({ signature: 1 })
  })

  test('rejected: a proof that is longer than any that is sent, before its signatures are looked at', async () => {
    const { net, proofs, hearer, liar } = await make()
    const [first, second] = [new Uint8Array(16 * 1024 + 1), new Uint8Array(16 * 1024)]
    const record = { job: Buffer.from(hash(1), 'hex'), first, second }
    const payload = Leases.encode({ sentAtMs: 0, leases: [], proofs: [record] })
    expect(await net.deliver('hearer', topic, await codec.seal(payload, liar))).toBe('reject')
    expect(hearer.node.stats().topics.leases.in.rejected).toEqual({ oversize: 1 })
    expect(proofs).toEqual([])
  })

  test('refused: a proof that is too long to be sent', async () => {
    const { teller, sealed, proofOf } = await make()
    const [a, b] = [await sealed(0), await sealed(1)]
    const long = { ...b, envelope: new Uint8Array(40_000) }
    await expect(teller.node.publishProof(proofOf(a, long))).rejects.toThrow('too long')
  })

  test('shunned: nothing more is heard of the author, and nothing is passed on', async () => {
    const { net, shunned, hearer, sealed, liar } = await make()
    shunned.add(authorOf(liar))
    const { envelope } = await sealed(0)
    expect(await net.deliver('hearer', topic, envelope)).toBe('ignore')
    expect(hearer.node.stats().topics.leases.in.ignored).toEqual({ shunned: 1 })
    expect(hearer.given.leases).toEqual([])
  })
})

describe('what another node passes on by sync', () => {
  test('admit: a claim that is too old for gossip is taken if it still holds', async () => {
    const { clock, net, hearer, sealed } = await make()
    const { lease, envelope } = await sealed(0)
    await clock.advance(9_000)
    expect(await net.deliver('hearer', topic, envelope)).toBe('ignore')
    await hearer.node.admit('leases', envelope)
    expect(hearer.given.leases).toMatchObject([{ leases: [lease] }])
    await clock.advance(1_000)
    await hearer.node.admit('leases', envelope)
    expect(hearer.given.leases).toHaveLength(1)
  })

  test('admit: what is forged is refused', async () => {
    const { hearer, sealed } = await make()
    const { envelope } = await sealed(0)
    envelope[envelope.length - 1] = (envelope.at(-1) ?? 0) ^ 1
    await expect(hearer.node.admit('leases', envelope)).rejects.toThrow('signature')
    await expect(hearer.node.admit('presence', envelope)).rejects.toThrow()
  })

  test('admit: an envelope is kept as evidence only if it is no longer than what it says is worth', async () => {
    const { clock, hearer, liar } = await make()
    const worker = authorOf(liar)
    const lease = (n: number, expiresMs: number): Lease => ({
      job: hash(n + 1),
      worker,
      startMs: clock.now() - 100,
      expiresMs,
      sequence: 1,
      release: undefined
    })
    const seal = (leases: Lease[]) => codec.seal(encodeLeases(leases, worker, clock.now()), liar)
    await hearer.node.admit('leases', await seal([lease(0, clock.now() + 10_000)]))
    const padding = Array.from({ length: 200 }, (_, n) => lease(n + 1, clock.now() - 50))
    await hearer.node.admit('leases', await seal([lease(0, clock.now() + 10_000), ...padding]))
    expect(hearer.given.leases.map(({ leases }) => leases.length)).toEqual([1, 1])
  })

  test('behavior: a peer pays for the signatures of the proofs that it relays, whoever wrote them', async () => {
    const { net, proofs, sealed, proofOf } = await make()
    const record = encodeProof(proofOf(await sealed(0), await sealed(1)))
    // Any three fit into the peer's burst of one message and two signatures each.
    const most = Math.floor(rateLimits.peerMessages.burst / 3)
    const envelopes = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => codec.seal(record, await keyOf(100 + n)))
    )
    const verdicts: (string | undefined)[] = []
    for (let n = 0; n <= most; n++) {
      const data = envelopes[n % envelopes.length]
      if (data !== undefined) verdicts.push(await net.deliver('hearer', topic, data, 'relay'))
    }
    expect(verdicts.slice(0, most)).toEqual(Array.from({ length: most }, () => 'accept'))
    expect(verdicts.at(-1)).toBe('ignore')
    expect(proofs).toHaveLength(most)
  })
})
