import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, it } from 'vitest'
import { envelopeCodec } from '../../../src/gossip/envelope.js'
import { encodeLeases } from '../../../src/gossip/validation/leases.js'
import type { EquivocationProof, Job, Lease } from '../../../src/interface/index.js'
import { leaseBook } from '../../../src/lease/lease-book.js'
import { score } from '../../../src/lease/score.js'
import { shunned } from '../../../src/lease/shunned.js'
import { waitingProofs } from '../../../src/lease/waiting-proofs.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { type Cluster, cluster, testNetwork, testTiming } from '../../helpers/worker-cluster.js'

const { slotMs, leaseMs, presenceIntervalMs } = testTiming
const WARM_UP_MS = 3 * presenceIntervalMs

function proofOf(worker: string, startMs: number, sizeBytes = 300): EquivocationProof {
  const lease = (start: number): Lease => ({
    job: 'ab'.repeat(32),
    worker,
    startMs: start,
    expiresMs: start + leaseMs,
    sequence: 0,
    release: undefined
  })
  return {
    leases: [lease(startMs), lease(startMs + 1)],
    envelopes: [new Uint8Array(sizeBytes), new Uint8Array(sizeBytes)]
  }
}

describe('shunned workers', () => {
  it('behavior: whenever a node learns of a lie, it forgives at the same moment as all others', async () => {
    const clock = manualClock()
    const proof = proofOf('liar', clock.now())
    const early = shunned({ clock })
    expect(early.add(proof)).toBe(true)
    expect(early.add(proof)).toBe(false)
    await clock.advance(400_000)
    const late = shunned({ clock })
    expect(late.add(proof)).toBe(true)
    await clock.advance(200_000 + leaseMs)
    expect([early.has('liar'), late.has('liar')]).toEqual([true, true])
    await clock.advance(1)
    expect([early.has('liar'), late.has('liar')]).toEqual([false, false])
    // What is over does not begin anew because somebody still tells of it.
    expect([early.add(proof), late.add(proof)]).toEqual([false, false])
    expect([early.has('liar'), early.proofs()]).toEqual([false, []])
  })

  it('behavior: of several lies the last one counts, in whatever order they are heard', async () => {
    const clock = manualClock()
    const [first, second] = [proofOf('liar', clock.now()), proofOf('liar', clock.now() + 9_000)]
    const [a, b] = [shunned({ clock }), shunned({ clock })]
    expect([a.add(first), a.add(second)]).toEqual([true, false])
    expect([b.add(second), b.add(first)]).toEqual([true, false])
    expect([a.proofs(), b.proofs()]).toEqual([[second], [second]])
    await clock.advance(600_000 + leaseMs + 5_000)
    expect([a.has('liar'), b.has('liar')]).toEqual([true, true])
  })
})

describe('proofs against workers that are not known yet', () => {
  it('bounds: of too many, those told longest ago go first', () => {
    const proofs = waitingProofs()
    for (let n = 0; n < 1_000; n++) proofs.hold(proofOf(`w${n}`, 1_000))
    expect(proofs.size).toBe(256)
    expect(proofs.release('w0')).toBeUndefined()
    expect(proofs.release('w999')?.leases[0].worker).toBe('w999')
    expect(proofs.release('w999')).toBeUndefined()
  })

  it('bounds: long ones take no more than a megabyte', () => {
    const proofs = waitingProofs()
    for (let n = 0; n < 256; n++) proofs.hold(proofOf(`w${n}`, 1_000, 16_384))
    expect(proofs.sizeBytes).toBeLessThanOrEqual(2 ** 20)
    expect(proofs.size).toBeGreaterThan(20)
  })
})

describe('the leases of a worker that is shunned', () => {
  it('behavior: the book forgets them all, and no other', () => {
    const book = leaseBook({ slotMs })
    const lease = { startMs: 1, expiresMs: 9_000, sequence: 0, release: undefined }
    for (const job of ['a', 'b']) for (const worker of ['liar', 'honest']) book.add({ ...lease, job, worker })
    book.add({ ...lease, job: 'c', worker: 'liar' })
    expect(book.drop('liar')).toEqual(['a', 'b', 'c'])
    expect(book.size).toBe(2)
    expect(['a', 'b', 'c'].map(job => book.holder(job, 2)?.worker)).toEqual(['honest', 'honest', undefined])
    expect(book.claimsSince('liar', 0)).toBe(0)
    expect(book.drop('liar')).toEqual([])
  })

  /** A liar that holds `held` jobs, and claims one more, twice in one slot. */
  async function lie(network: Cluster, held: number) {
    const liar = await network.liar()
    await network.clock.advance(WARM_UP_MS)
    await liar.present()
    await network.clock.advance(20)
    // Keys are drawn, so it is chance whose a job is: it takes such as it is the best for.
    const isBest = ({ key }: Job): boolean =>
      network.workers.every(worker => score(key, liar.key) < score(key, worker.key))
    const jobs = network.chain
      .create(60 * (held + 1))
      .filter(isBest)
      .slice(0, held + 1)
    expect(jobs).toHaveLength(held + 1)
    await network.clock.advance(slotMs - (network.clock.now() % slotMs))
    const startMs = network.clock.now()
    await network.announce(jobs)
    const claims = jobs.map(
      (job): Lease => ({
        job: job.key,
        worker: liar.key,
        startMs,
        expiresMs: startMs + 30_000,
        sequence: 0,
        release: undefined
      })
    )
    await liar.gossip.publishLeases(claims)
    const [first] = claims
    if (first === undefined) throw new Error('no job')
    return { liar, jobs, second: { ...first, startMs: startMs + 1 } }
  }

  it('behavior: the jobs that it held are claimed at once, not when its leases end', async () => {
    const network = await cluster({ executionMs: 100 })
    for (let n = 0; n < 2; n++) await network.add({ capacity: 20 })
    const { liar, jobs, second } = await lie(network, 9)
    await network.clock.advance(50)
    expect(network.chain.finalisedBy.size).toBe(0)
    await liar.gossip.publishLeases([second])
    await network.clock.advance(3 * slotMs)
    expect(network.chain.finalisedBy.size).toBe(jobs.length)
  })

  it('behavior: a claim that came before its job, and before the lie, counts no more', async () => {
    const network = await cluster({ executionMs: 100 })
    await network.add()
    const { liar, jobs, second } = await lie(network, 0)
    const [later] = network.chain.create(1)
    if (later === undefined) throw new Error('no job')
    await liar.gossip.publishLeases([{ ...second, job: later.key }])
    await network.clock.advance(6)
    await liar.gossip.publishLeases([second])
    await network.clock.advance(1_000)
    await network.announce([later])
    await network.clock.advance(3 * slotMs)
    expect([...jobs, later].filter(({ jobId }) => !network.chain.finalisedBy.has(jobId))).toEqual([])
  })

  it('behavior: proofs against made-up keys push nobody out', async () => {
    const network = await cluster()
    const { worker } = await network.add()
    const { liar, second } = await lie(network, 0)
    await liar.gossip.publishLeases([second])
    const teller = await network.liar()
    const codec = envelopeCodec(testNetwork, 'leases')
    // More than are shunned at a time, no faster than one author may tell.
    for (let n = 0; n < 300; n++) {
      const key = await generateKeyPair('Ed25519')
      const worker = Buffer.from(key.publicKey.raw).toString('hex')
      const lease = { ...second, worker }
      const leases: [Lease, Lease] = [lease, { ...lease, startMs: second.startMs + 1 }]
      const [first, other] = await Promise.all(
        leases.map(one => codec.seal(encodeLeases([one], worker, network.clock.now()), key))
      )
      if (first === undefined || other === undefined) throw new Error('not sealed')
      if (n % 100 === 0) {
        await network.clock.advance(1_000)
        await teller.present()
        await network.clock.advance(20)
      }
      await teller.gossip.publishProof({ leases, envelopes: [first, other] })
    }
    await network.clock.advance(20)
    await liar.present()
    await network.clock.advance(20)
    // The teller alone.
    expect(worker.status().peers).toBe(1)
  })

  it('behavior: nodes that heard different leases of it name the same holder', async () => {
    const network = await cluster({ executionMs: 100 })
    // None of them can run the jobs, so that nobody else claims them.
    for (let n = 0; n < 2; n++) await network.add({ models: ['bafyother'] })
    const [a, b] = network.workers
    if (a === undefined || b === undefined) throw new Error('no workers')
    const { liar, jobs, second } = await lie(network, 3)
    await network.clock.advance(6)
    // One hears of another job's lease, the other does not, as an equivocator may arrange.
    network.net.cut(b.key)
    const [, ofOne] = jobs
    if (ofOne === undefined) throw new Error('no job')
    const renewal = { job: ofOne.key, worker: liar.key, startMs: second.startMs - 1, sequence: 1 }
    await liar.gossip.publishLeases([{ ...renewal, expiresMs: second.expiresMs, release: 4 }])
    await network.clock.advance(6)
    network.net.heal(b.key)
    expect(a.worker.holder(ofOne.key)).not.toBe(b.worker.holder(ofOne.key))
    await liar.gossip.publishLeases([second])
    await network.clock.advance(3 * slotMs)
    for (const { key } of jobs)
      expect([a, b].map(({ worker }) => worker.holder(key))).toEqual([undefined, undefined])
  })
})
