import { describe, expect, it } from 'vitest'
import { parseNodeMessage } from '../../../node/event-relay.js'
import { createBoard } from '../../../node/testnet/board.js'
import type { NodeEvent } from '../../../src/interface/index.js'

const about = { job: 'ab'.repeat(32), jobId: 7n, atMs: 1_000 }

describe('events between processes', () => {
  it('behavior: what is no message of a node is not taken for one', () => {
    expect(parseNodeMessage('buffalo:stop')).toBeUndefined()
    expect(parseNodeMessage({ type: 'event', event: { type: 'job:final' } })).toBeUndefined()
    expect(parseNodeMessage({ type: 'event', event: { ...about, jobId: '7', type: 'job:final' } })).toEqual({
      type: 'event',
      event: { ...about, type: 'job:final' }
    })
  })
})

describe('the board of jobs', () => {
  const started = { ...about, type: 'execution:started', manifest: 'm' } as NodeEvent
  const finished = {
    ...about,
    type: 'execution:finished',
    success: true,
    code: 0,
    durationMs: 1
  } as NodeEvent
  const accepted = { ...about, atMs: 3_000, type: 'submission:accepted', txHash: '0x' } as NodeEvent

  it('behavior: events that come before the job are not lost', () => {
    const board = createBoard()
    board.onEvent('sequencer-1', { ...about, type: 'job:indexed' })
    board.onEvent('worker-1', started)
    board.add({ jobId: 7n, subject: 'a.png', requestedAtMs: 500 })
    expect(board.rows()).toMatchObject([{ state: 'running', executions: 1 }])
  })

  it('behavior: every execution counts, on whichever worker', () => {
    const board = createBoard()
    board.add({ jobId: 7n, subject: 'a.png', requestedAtMs: 500 })
    board.onEvent('worker-1', started)
    board.onEvent('worker-2', started)
    board.onEvent('worker-2', finished)
    board.onEvent('worker-2', accepted)
    board.onEvent('sequencer-1', { ...about, type: 'job:announced', attempt: 2 })
    expect(board.rows()).toMatchObject([
      { state: 'succeeded', worker: 'worker-2', executions: 2, finalAtMs: 3_000 }
    ])
  })

  it('behavior: a failed result is shown as failed', () => {
    const board = createBoard()
    board.add({ jobId: 7n, subject: 'a.png', requestedAtMs: 500 })
    board.onEvent('worker-1', { ...finished, success: false, code: 1 } as NodeEvent)
    board.onEvent('worker-1', accepted)
    expect(board.rows()[0]?.state).toBe('failed')
  })
})
