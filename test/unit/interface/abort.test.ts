import { describe, expect, it, onTestFinished } from 'vitest'
import { abortable } from '../../../src/interface/abort.js'

describe('abortable', () => {
  it('behavior: it gives the value, or the reason of the signal', async () => {
    const controller = new AbortController()
    expect(await abortable(Promise.resolve(1), controller.signal)).toBe(1)
    const waiting = abortable(new Promise(() => undefined), controller.signal)
    controller.abort(new Error('told to end'))
    await expect(waiting).rejects.toThrow('told to end')
    await expect(abortable(Promise.resolve(1), controller.signal)).rejects.toThrow('told to end')
  })

  it.each([
    ['before', true],
    ['after', false]
  ])('behavior: what rejects later than the signal ends no process, asked %s', async (_, isBefore) => {
    const unhandled: unknown[] = []
    const listener = (err: unknown): void => void unhandled.push(err)
    process.on('unhandledRejection', listener)
    onTestFinished(() => void process.off('unhandledRejection', listener))
    const controller = new AbortController()
    const work = Promise.withResolvers<never>()
    if (isBefore) controller.abort(new Error('late'))
    const waiting = abortable(work.promise, controller.signal)
    if (!isBefore) controller.abort(new Error('late'))
    await expect(waiting).rejects.toThrow('late')
    work.reject(new Error('of the work'))
    // Unhandled rejections are told after the microtasks of a turn.
    await new Promise(resolve => setImmediate(resolve))
    expect(unhandled).toEqual([])
  })
})
