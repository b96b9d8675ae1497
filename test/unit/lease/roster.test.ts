import { describe, expect, it } from 'vitest'
import type { Address } from '../../../src/interface/index.js'
import { roster } from '../../../src/lease/roster.js'
import { score } from '../../../src/lease/score.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { testTiming } from '../../helpers/worker-cluster.js'

const { presenceIntervalMs } = testTiming
const RECHECK_MS = 300_000

const self = 'cd'.repeat(32)
const worker = 'ab'.repeat(32)
const account: Address = `0x${'01'.repeat(20)}`

function make(claimsSince: (worker: string, sinceMs: number) => number = () => 0) {
  const clock = manualClock()
  const registry = new Map<Address, string>([[account, worker]])
  let isDown = false
  let asked = 0
  const workers = roster({ self, timing: testTiming, claimsSince })({
    chain: {
      async peerKeysOf(accounts) {
        asked++
        if (isDown) throw new Error('down')
        return accounts.map(one => registry.get(one))
      }
    },
    clock,
    logger: silentLogger()
  })
  return {
    clock,
    registry,
    workers,
    asked: () => asked,
    setDown(down: boolean) {
      isDown = down
    },
    say: (from = account) =>
      workers.see({
        worker,
        account: from,
        models: ['bafyone'],
        capacity: 1,
        load: 0,
        sentAtMs: clock.now()
      })
  }
}

describe('a worker that leaves the registry', () => {
  it('behavior: has no say any more once the registry was asked again, though it goes on speaking', async () => {
    const { clock, registry, workers, say } = make()
    await say()
    registry.delete(account)
    for (let ms = 0; ms <= RECHECK_MS + presenceIntervalMs; ms += presenceIntervalMs) {
      await clock.advance(presenceIntervalMs)
      await say()
      workers.isRegistered(worker)
    }
    await clock.settle()
    expect(workers.isRegistered(worker)).toBe(false)
    expect(workers.size()).toBe(0)
    await say()
    expect(workers.size()).toBe(0)
  })

  it('behavior: the same where it was silent for a while, and where it says nothing but leases', async () => {
    const { clock, registry, workers, say } = make()
    await say()
    registry.delete(account)
    await clock.advance(10 * presenceIntervalMs)
    expect(workers.size()).toBe(0)
    // Its leases count until it is asked about.
    expect(workers.isRegistered(worker)).toBe(true)
    await say()
    expect(workers.isRegistered(worker)).toBe(false)

    const other = make()
    await other.say()
    other.registry.delete(account)
    await other.clock.advance(RECHECK_MS + 1)
    other.workers.isRegistered(worker)
    await other.clock.settle()
    expect(other.workers.isRegistered(worker)).toBe(false)
  })

  it('behavior: the same of one that was first heard out of time', async () => {
    const { clock, registry, workers } = make()
    const presence = { worker, account, models: [], capacity: 1, load: 0, sentAtMs: 0 }
    expect(await workers.isWorker(presence)).toBe(true)
    registry.delete(account)
    await clock.advance(RECHECK_MS + 1)
    workers.isRegistered(worker)
    await clock.settle()
    expect(workers.isRegistered(worker)).toBe(false)
  })

  it('behavior: while the chain does not answer, what it said counts, and it is asked again', async () => {
    const { clock, registry, workers, say, asked, setDown } = make()
    await say()
    registry.delete(account)
    setDown(true)
    await clock.advance(RECHECK_MS + 1)
    for (let i = 0; i < 3; i++) {
      expect(workers.isRegistered(worker)).toBe(true)
      await clock.settle()
    }
    expect(asked()).toBe(2)
    setDown(false)
    await clock.advance(11_000)
    workers.isRegistered(worker)
    await clock.settle()
    expect(workers.isRegistered(worker)).toBe(false)
  })

  it('behavior: a name that it does not have does not take away the one that it has', async () => {
    const { clock, workers, say } = make()
    await say()
    await clock.advance(10)
    await say(`0x${'02'.repeat(20)}`)
    expect(workers.isRegistered(worker)).toBe(true)
  })
})

describe('where this worker stands for a job of another', () => {
  const job = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(64, '0')).find(
    key => score(key, worker) < score(key, self)
  )
  if (job === undefined) throw new Error('no job')

  it('behavior: who has claimed as much as it said to have room for keeps nobody waiting, until it says more', async () => {
    let claimedMs = 0
    const { clock, workers, say } = make((_, sinceMs) => (claimedMs > sinceMs ? 1 : 0))
    await say()
    expect(workers.rank(job, 'bafyone')).toEqual({ isOwner: false, rank: 1 })
    claimedMs = clock.now() + 1
    expect(workers.rank(job, 'bafyone')).toEqual({ isOwner: false, rank: 0 })
    // That it has done with the job it says by its next presence.
    await clock.advance(presenceIntervalMs)
    await say()
    expect(workers.rank(job, 'bafyone')).toEqual({ isOwner: false, rank: 1 })
  })

  it('behavior: who was silent for three intervals is out of the ranks, and in again with its next word', async () => {
    const { clock, workers, say } = make()
    await say()
    await clock.advance(3 * presenceIntervalMs)
    expect(workers.rank(job, 'bafyone')).toEqual({ isOwner: false, rank: 1 })
    await clock.advance(1)
    expect(workers.rank(job, 'bafyone')).toEqual({ isOwner: true, rank: 0 })
    await say()
    expect(workers.rank(job, 'bafyone')).toEqual({ isOwner: false, rank: 1 })
    // Of no account where it lacks the model.
    expect(workers.rank(job, 'bafytwo')).toEqual({ isOwner: true, rank: 0 })
  })
})

describe('a clock that is set back', () => {
  it('behavior: workers are heard, and leave when they fall silent, as if it had not been', async () => {
    const { clock, workers, say } = make()
    await say()
    clock.step(-3_600_000)
    await clock.advance(3 * presenceIntervalMs)
    await say()
    await clock.advance(presenceIntervalMs)
    expect(workers.size()).toBe(1)
    await clock.advance(3 * presenceIntervalMs)
    expect(workers.size()).toBe(0)
  })
})
