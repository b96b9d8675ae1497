import { expect, it } from 'vitest'
import { answering } from '../../../src/chain/answering.js'
import type { RpcAnswer } from '../../../src/chain/rpc-call.js'
import { ChainUnavailableError } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'

function make() {
  const clock = manualClock()
  const waiting: { answer(): void; fail(): void }[] = []
  const endpoint = answering({
    rpc: {
      send: () =>
        new Promise<RpcAnswer[]>((resolve, reject) => {
          waiting.push({ answer: () => resolve([]), fail: () => reject(new ChainUnavailableError('down')) })
        }),
      close() {}
    },
    clock
  })
  const ask = () => {
    const asked = endpoint.send([]).then(
      () => 'answered',
      () => 'failed'
    )
    const end = waiting.at(-1)
    if (end === undefined) throw new Error('nothing was asked')
    return { ...end, asked }
  }
  return { clock, endpoint, ask }
}

it('behavior: an endpoint does not answer from a failure until its next answer', async () => {
  const { endpoint, ask } = make()
  expect(endpoint.isAnswering()).toBe(true)
  const first = ask()
  first.fail()
  expect(await first.asked).toBe('failed')
  expect(endpoint.isAnswering()).toBe(false)
  const second = ask()
  expect(endpoint.isAnswering()).toBe(false)
  second.answer()
  expect(await second.asked).toBe('answered')
  expect(endpoint.isAnswering()).toBe(true)
})

it('behavior: nor while something waits for long', async () => {
  const { clock, endpoint, ask } = make()
  const slow = ask()
  await clock.advance(1_999)
  const other = ask()
  expect(endpoint.isAnswering()).toBe(true)
  await clock.advance(1)
  expect(endpoint.isAnswering()).toBe(false)
  slow.answer()
  await slow.asked
  expect(endpoint.isAnswering()).toBe(true)
  other.answer()
  await other.asked
})
