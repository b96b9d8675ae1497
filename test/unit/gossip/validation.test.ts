import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { messageLimits } from '../../../src/gossip/limits.js'
import { JobAnnouncements, Leases, PresenceMessage, ResultNotices } from '../../../src/gossip/messages.js'
import { encodeJobs, validateJobs } from '../../../src/gossip/validation/jobs.js'
import { encodeLeases, validateLeases } from '../../../src/gossip/validation/leases.js'
import { encodePresence, validatePresence } from '../../../src/gossip/validation/presence.js'
import { encodeResults, validateResults } from '../../../src/gossip/validation/results.js'
import {
  type Lease,
  localTiming,
  maximalLeaseMs,
  type Presence,
  ReleaseReason
} from '../../../src/interface/index.js'
import { hash, jobKeyOf, jobOf } from './fakes.js'

const now = 1_800_000_000_000
const author = 'ab'.repeat(32)
const bytes32 = new Uint8Array(32).fill(1)
const reject = (reason: string) => expect.objectContaining({ name: 'RejectError', reason })
const ignore = (reason: string) => expect.objectContaining({ name: 'IgnoreError', reason })
const garbage = Uint8Array.from([0xff, 0xff, 0xff])

describe('jobs', () => {
  const job = {
    jobId: 1n,
    blockNumber: 1,
    logIndex: 0,
    blockHash: bytes32,
    txHash: bytes32,
    dataHash: bytes32
  }
  const validate = (payload: Uint8Array) => validateJobs(payload, now, jobKeyOf)
  const one = (change: object) => JobAnnouncements.encode({ sentAtMs: now, jobs: [{ ...job, ...change }] })

  test('round trip: what was announced arrives, with the key computed anew', () => {
    const jobs = [jobOf(1), jobOf(255)]
    expect(validate(encodeJobs(jobs, now))).toEqual(jobs)
  })

  test('round trip: a job that lies about its key arrives with the true one', () => {
    expect(validate(encodeJobs([{ ...jobOf(1), key: hash(99) }], now))[0]?.key).toBe(hash(1))
  })

  test.each([
    ['is not the message', garbage, 'schema'],
    ['has too many jobs', JobAnnouncements.encode({ sentAtMs: now, jobs: Array(257).fill(job) }), 'schema'],
    ['is empty', JobAnnouncements.encode({ sentAtMs: now, jobs: [] }), 'value'],
    ['has a job 0', one({ jobId: 0n }), 'value'],
    ['has a short block hash', one({ blockHash: bytes32.subarray(1) }), 'value'],
    ['has a long transaction hash', one({ txHash: new Uint8Array(33) }), 'value'],
    ['has no data hash', one({ dataHash: new Uint8Array() }), 'value']
  ])('reject: a batch that %s', (_, payload, reason) => {
    expect(() => validate(payload)).toThrow(reject(reason))
  })

  test('ignore: a batch that was signed long ago', () => {
    expect(() => validate(JobAnnouncements.encode({ sentAtMs: now - 60_000, jobs: [job] }))).toThrow(
      ignore('late')
    )
  })

  test('publishing: what others would reject is not sent', () => {
    expect(() => encodeJobs([{ ...jobOf(1), jobId: 2n ** 64n }], now)).toThrow('uint64')
    expect(() => encodeJobs([{ ...jobOf(1), txHash: '0x12' }], now)).toThrow('txHash')
    expect(() => encodeJobs([{ ...jobOf(1), logIndex: -1 }], now)).toThrow('logIndex')
  })
})

describe('leases', () => {
  const record = { job: bytes32, startMs: now, durationMs: 10_000, sequence: 0, release: 0 }
  const lease: Lease = {
    job: hash(1),
    worker: author,
    startMs: now,
    expiresMs: now + 10_000,
    sequence: 0,
    release: undefined
  }
  const validate = (payload: Uint8Array) => validateLeases(payload, author, now, localTiming)
  const one = (change: object, sentAtMs = now) =>
    Leases.encode({ sentAtMs, leases: [{ ...record, ...change }] })

  test('round trip: a claim, a renewal and a release arrive as the author’s', () => {
    const leases = [
      lease,
      { ...lease, startMs: now - 60_000, expiresMs: now + 9_000, sequence: 20 },
      {
        ...lease,
        startMs: now - 60_000,
        expiresMs: now - 1,
        sequence: 21,
        release: ReleaseReason.ShuttingDown
      }
    ]
    expect(validate(encodeLeases(leases, author, now)).timely).toEqual(leases)
  })

  test('author: whatever is sent, the worker is who signed it', () => {
    expect(() => encodeLeases([{ ...lease, worker: 'cd'.repeat(32) }], author, now)).toThrow(
      'cannot be published here'
    )
    expect(validate(one({})).timely[0]?.worker).toBe(author)
  })

  test.each([
    ['is not the message', garbage, 'schema'],
    ['has too many leases', Leases.encode({ sentAtMs: now, leases: Array(257).fill(record) }), 'schema'],
    ['is empty', Leases.encode({ sentAtMs: now, leases: [] }), 'value'],
    ['has a short job key', one({ job: new Uint8Array(31) }), 'value'],
    ['has a lease without a start', one({ startMs: 0 }), 'value'],
    ['has a lease that ends at its start', one({ durationMs: 0 }), 'value'],
    ['has a claim over the maximum', one({ durationMs: maximalLeaseMs + 1 }), 'value'],
    ['has a renewal over the maximum', one({ sequence: 1, durationMs: maximalLeaseMs + 1 }), 'value'],
    ['has a claim that is a release', one({ release: 1 }), 'value'],
    ['has a release for no known reason', one({ sequence: 1, release: 6 }), 'value'],
    ['has more renewals than can be', one({ sequence: messageLimits.sequence + 1 }), 'value']
  ])('reject: a batch that %s', (_, payload, reason) => {
    expect(() => validate(payload)).toThrow(reject(reason))
  })

  test('reject: a bad lease spoils its whole batch', () => {
    const payload = Leases.encode({ sentAtMs: now, leases: [record, { ...record, durationMs: 0 }] })
    expect(() => validate(payload)).toThrow(reject('value'))
  })

  test('limit: the longest lease is counted from the claim, or from the signing of the renewal', () => {
    expect(validate(one({ durationMs: maximalLeaseMs })).timely).toHaveLength(1)
    // Whenever the claim was signed: its start is what its author chose.
    expect(() => validate(one({ durationMs: maximalLeaseMs + 1 }, now + 1_000))).toThrow(reject('value'))
    const old = { sequence: 9, startMs: now - 300_000 }
    expect(validate(one({ ...old, durationMs: 300_000 + maximalLeaseMs })).timely).toHaveLength(1)
    expect(() => validate(one({ ...old, durationMs: 300_001 + maximalLeaseMs }))).toThrow(reject('value'))
  })

  test('time: leases out of their time are left out and counted', () => {
    const payload = Leases.encode({
      sentAtMs: now,
      leases: [
        record,
        { ...record, startMs: now + 1_000 },
        { ...record, startMs: now - 9_000 },
        { ...record, startMs: now - 9_000, sequence: 1, durationMs: 1 }
      ]
    })
    const { timely, untimely } = validate(payload)
    expect(timely).toHaveLength(1)
    expect(untimely).toEqual({ early: 1, late: 1, expired: 1 })
  })

  test('ignore: a batch that was signed long ago', () => {
    expect(() => validate(one({}, now - 60_000))).toThrow(ignore('late'))
  })
})

describe('results', () => {
  const record = { job: bytes32, jobId: 1n, txHash: bytes32 }
  const one = (change: object) => ResultNotices.encode({ sentAtMs: now, results: [{ ...record, ...change }] })

  test('round trip: notices arrive', () => {
    const notices = [{ job: hash(1), jobId: 1n, txHash: `0x${hash(2)}` as const }]
    expect(validateResults(encodeResults(notices, now), now)).toEqual(notices)
  })

  test.each([
    ['is not the message', garbage, 'schema'],
    [
      'has too many notices',
      ResultNotices.encode({ sentAtMs: now, results: Array(257).fill(record) }),
      'schema'
    ],
    ['is empty', ResultNotices.encode({ sentAtMs: now, results: [] }), 'value'],
    ['has a job 0', one({ jobId: 0n }), 'value'],
    ['has a short job key', one({ job: new Uint8Array(31) }), 'value'],
    ['has a short transaction hash', one({ txHash: new Uint8Array(31) }), 'value']
  ])('reject: a batch that %s', (_, payload, reason) => {
    expect(() => validateResults(payload, now)).toThrow(reject(reason))
  })

  test('ignore: a batch from the future', () => {
    expect(() =>
      validateResults(ResultNotices.encode({ sentAtMs: now + 60_000, results: [record] }), now)
    ).toThrow(ignore('early'))
  })
})

describe('presence', () => {
  const record = {
    sentAtMs: now,
    account: new Uint8Array(20).fill(1),
    capacity: 2,
    load: 1,
    models: ['bafkreigh2akiscaildc']
  }
  const presence: Presence = {
    worker: author,
    account: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
    models: ['bafkreigh2akiscaildc', 'bafkreia'],
    capacity: 2,
    load: 3,
    sentAtMs: now
  }
  const validate = (payload: Uint8Array) => validatePresence(payload, author)
  /** Each of them is short enough. */
  const longModels = Array.from({ length: 60 }, (_, i) => `${'b'.repeat(138)}${i}`)
  const one = (change: object) => PresenceMessage.encode({ ...record, ...change })

  test('round trip: a presence arrives, its account checksummed', () => {
    expect(validate(encodePresence(presence, author))).toEqual(presence)
    const astray = { ...presence, isOutOfTime: true as const }
    expect(validate(encodePresence(astray, author))).toEqual(astray)
  })

  test.each([
    ['is not the message', garbage, 'schema'],
    ['has too many models', one({ models: Array.from({ length: 129 }, (_, i) => `m${i}`) }), 'schema'],
    ['has models that are too long together', one({ models: longModels }), 'value'],
    ['has a short account', one({ account: new Uint8Array(19) }), 'value'],
    ['has no account', one({ account: new Uint8Array(20) }), 'value'],
    ['has a capacity beyond any machine', one({ capacity: 70_000 }), 'value'],
    ['has a load beyond any machine', one({ load: 70_000 }), 'value'],
    ['has a model that is a path', one({ models: ['../../etc/passwd'] }), 'value'],
    ['has an empty model', one({ models: [''] }), 'value'],
    ['has a long model', one({ models: ['b'.repeat(145)] }), 'value'],
    ['has a model twice', one({ models: ['bafy', 'bafy'] }), 'value'],
    ['has no time', one({ sentAtMs: 0 }), 'value']
  ])('reject: a presence that %s', (_, payload, reason) => {
    expect(() => validate(payload)).toThrow(reject(reason))
  })

  test('publishing: what others would reject is not sent', () => {
    expect(() => encodePresence({ ...presence, worker: 'cd'.repeat(32) }, author)).toThrow(
      'cannot be published here'
    )
    expect(() => encodePresence({ ...presence, models: ['a b'] }, author)).toThrow('not a CID')
    expect(() => encodePresence({ ...presence, models: Array(129).fill('bafy') }, author)).toThrow(
      '129 models'
    )
    expect(() => encodePresence({ ...presence, models: longModels }, author)).toThrow('characters')
  })
})

describe('messages.proto', () => {
  test('limits: the proto file says the same as limits.ts', () => {
    const proto = readFileSync(new URL('../../../src/gossip/messages.proto', import.meta.url), 'utf8')
    const limits = [...proto.matchAll(/repeated \w+ (\w+) = \d+ \[\(protons\.options\)\.limit = (\d+)\]/g)]
    expect(Object.fromEntries(limits.map(([, field, limit]) => [field, Number(limit)]))).toEqual({
      jobs: messageLimits.batchItems,
      leases: messageLimits.batchItems,
      proofs: messageLimits.proofs,
      results: messageLimits.batchItems,
      models: messageLimits.presenceModels
    })
  })

  test('limits: full batches fit into an envelope', () => {
    const roomBytes = messageLimits.envelopeBytes - 256
    const jobs = Array.from({ length: messageLimits.batchItems }, (_, i) => ({
      ...jobOf(i + 1),
      jobId: 2n ** 64n - 1n,
      blockNumber: Number.MAX_SAFE_INTEGER,
      logIndex: 0xffff_ffff
    }))
    expect(encodeJobs(jobs, now).byteLength).toBeLessThan(roomBytes)
    const lease = {
      job: hash(1),
      worker: author,
      startMs: now,
      expiresMs: now + 1e12,
      sequence: 1e6,
      release: undefined
    }
    expect(encodeLeases(Array(messageLimits.batchItems).fill(lease), author, now).byteLength).toBeLessThan(
      roomBytes
    )
  })
})
