import { lpStream } from '@libp2p/utils'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/interface/index.js'
import { askTimeline } from '../../../src/timeline/asker.js'
import { frameLimits, recordLimits, serveLimits } from '../../../src/timeline/limits.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { about, createTimeline, hostile, job, serve } from './fixture.js'

const ask = (stream: Parameters<typeof askTimeline>[0], signal = AbortSignal.timeout(5_000)) =>
  askTimeline(stream, 1n, { clock: systemClock, signal })

const invalid = (text: string) =>
  expect.objectContaining({ code: 'BUFFALO_ERR_INVALID_MESSAGE', message: expect.stringContaining(text) })

const event = { type: 'job:final', job, jobId: '1', atMs: 5 }
const head = () => ({ role: 'worker', receivedAtMs: Date.now(), sentAtMs: Date.now() })
/** Answers the clock's exchanges honestly, and each page as given. */
const pages = (page: (count: number) => unknown) =>
  hostile(count => ({ ...head(), ...(count < 4 ? {} : { page: page(count - 4) }) }))

describe('asking a node for a timeline', () => {
  it('behavior: all pages arrive, in order, and each event is typed again', async () => {
    const { clock, kept, record } = await createTimeline()
    const manifest = 'm'.repeat(recordLimits.textChars)
    for (let n = 0; n < recordLimits.jobEvents; n++)
      record({ type: 'execution:started', manifest, ...about(clock) })
    const told = await ask(await (await serve(kept, clock))())
    expect(told).toMatchObject({ role: 'worker', isCut: false })
    expect(told.events).toHaveLength(recordLimits.jobEvents)
    expect(told.events[0]).toEqual({ type: 'execution:started', manifest, ...about(clock) })
  })

  it('behavior: the difference of two clocks is found', async () => {
    const { kept } = await createTimeline()
    const ahead = manualClock(Date.now() + 60_000)
    const told = await ask(await (await serve(kept, ahead))())
    expect(Math.abs(told.clockOffsetMs - 60_000)).toBeLessThan(2_000)
    const same = await ask(await pages(() => ({ events: [] })))
    expect(Math.abs(same.clockOffsetMs)).toBeLessThan(100)
  })

  it('behavior: what is not about the job, or no event, is left out; text cannot move the cursor', async () => {
    const events = [
      event,
      { ...event, jobId: '2' },
      { ...event, job: 'zz' },
      { ...event, atMs: -1 },
      { ...event, atMs: Number.MAX_SAFE_INTEGER },
      { ...event, type: 'lease:lost' },
      { ...event, type: 'thing:of-tomorrow', secret: 'x' },
      { ...event, type: 'job:missing', reason: 'a\u001b[2J\u202eb\n' },
      'nonsense',
      null
    ]
    const told = await ask(await pages(() => ({ events })))
    const plain = { job, jobId: 1n, atMs: 5 }
    expect(told.events).toEqual([
      { type: 'job:final', ...plain },
      { type: 'thing:of-tomorrow', ...plain },
      { type: 'job:missing', reason: 'a\ufffd[2J\ufffdb\ufffd', ...plain }
    ])
  })

  it('behavior: what a node said stands, even if it hangs up right after', async () => {
    const stream = await pages(() => ({ events: [event] }))
    stream.close = () => Promise.reject(new Error('reset'))
    expect((await ask(stream)).events).toHaveLength(1)
  })

  it('behavior: events without end are cut', async () => {
    const many = Array.from({ length: 300 }, () => event)
    const told = await ask(await pages(count => ({ events: many, next: count + 1 })))
    expect(told.events).toHaveLength(recordLimits.jobEvents)
    expect(told.isCut).toBe(true)
  })

  it.each([
    ['what is not JSON', () => Uint8Array.of(0xff, 0x00), 'not JSON'],
    ['another form', () => ({ ...head(), role: 'king' }), 'role'],
    ['an impossible time', () => ({ ...head(), receivedAtMs: 1 }), 'impossible time'],
    ['nothing where events should be', () => head(), 'holds no events']
  ])('behavior: %s is refused', async (_, answer, text) => {
    await expect(ask(await hostile(answer))).rejects.toThrow(invalid(text))
  })

  it('behavior: pages that do not go forward are refused', async () => {
    await expect(ask(await pages(() => ({ events: [], next: 7 })))).rejects.toThrow(invalid('go forward'))
  })

  it('behavior: answers are bounded one by one and together', async () => {
    const large = (bytes: number) => ({ events: ['x'.repeat(bytes)] })
    await expect(ask(await pages(() => large(frameLimits.answerBytes)))).rejects.toThrow()
    const each = frameLimits.answerBytes - 1_000
    await expect(ask(await pages(count => ({ ...large(each), next: count + 1 })))).rejects.toThrow(
      invalid('larger than any')
    )
  })

  it('behavior: a node that never answers, or hangs up, costs the time limit at most', async () => {
    await expect(ask(await hostile(() => undefined))).rejects.toThrow()
    const silent = await hostile(() => new Promise(() => undefined))
    const abort = new AbortController()
    const asked = ask(silent, abort.signal)
    abort.abort(new Error('too late'))
    await expect(asked).rejects.toThrow('too late')
  })
})

describe('answering for a timeline', () => {
  it('behavior: one peer that asks too often is told so, and others still get answers', async () => {
    const { clock, kept } = await createTimeline()
    const open = await serve(kept, clock)
    const perAsk = 5
    const answered = Math.floor(serveLimits.peer.burst / perAsk)
    for (let count = 0; count < answered; count++)
      expect(await ask(await open('greedy'))).toMatchObject({ isCut: false })
    expect(await ask(await open('greedy')).catch(() => 'ended')).toBe('ended')
    expect(await ask(await open('other'))).toMatchObject({ isCut: false })
    await clock.advance(2_000)
    expect(await ask(await open('greedy'))).toMatchObject({ isCut: false })
  })

  it.each([
    ['no JSON', '{'],
    ['no job id', '{"job":"-1"}'],
    ['a huge request', JSON.stringify({ job: '1', after: 1, x: 'x'.repeat(frameLimits.requestBytes) })]
  ])('behavior: %s ends the stream', async (_, text) => {
    const { clock, kept } = await createTimeline()
    const stream = await (await serve(kept, clock))()
    const frames = lpStream(stream)
    await frames.write(new TextEncoder().encode(text))
    await expect(frames.read({ signal: AbortSignal.timeout(5_000) })).rejects.toThrow()
    expect(stream.status).not.toBe('open')
  })

  it('behavior: a stream has its number of requests', async () => {
    const { clock, kept } = await createTimeline()
    const frames = lpStream(await (await serve(kept, clock))())
    const exchange = async (): Promise<void> => {
      await frames.write(new TextEncoder().encode('{}'))
      await frames.read({ signal: AbortSignal.timeout(5_000) })
    }
    for (let count = 0; count < frameLimits.requests; count++) await exchange()
    await expect(exchange()).rejects.toThrow()
  })
})
