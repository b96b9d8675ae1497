import { AbiCoder, dataSlice, Interface } from 'ethers'
import { expect, it } from 'vitest'
import { callbackReason } from '../../../node/client/callback-reason.js'
import { tellStory } from '../../../node/client/timeline-story.js'

const error = (reason: string): string =>
  `0x08c379a0${AbiCoder.defaultAbiCoder().encode(['string'], [reason]).slice(2)}`

it('behavior: what a callback reverted with is told in words', () => {
  expect(callbackReason(error('not the oracle'))).toBe('reverted: not the oracle')
  expect(callbackReason(dataSlice(error('x'.repeat(500)), 0, 256))).toBe(`reverted: ${'x'.repeat(188)}`)
  expect(callbackReason(error('a\u001b[2Jb'))).toBe('reverted: a\ufffd[2Jb')
  expect(callbackReason(`0x4e487b71${'11'.padStart(64, '0')}`)).toContain('an arithmetic overflow (Panic 17)')
  const own = new Interface(['error NotTheOracle(address)']).encodeErrorResult('NotTheOracle', [
    `0x${'11'.repeat(20)}`
  ])
  expect(callbackReason(own)).toBe(`reverted with the error ${own.slice(0, 10)} of its own`)
  expect(callbackReason('0x')).toContain('without a reason: perhaps it took more than its gas (3,000,000')
  // Anything may stand there.
  for (const data of ['0x08c379a0', `0x08c379a0${'ff'.repeat(252)}`, '0x00', '0x4e487b71', undefined]) {
    expect(callbackReason(data)).toMatch(/^reverted/u)
  }
})

it('behavior: explain says why a callback reverted', () => {
  const about = { atMs: 0, blockNumber: 1, txHash: '0x01' } as const
  const returnData = error('no') as `0x${string}`
  const chain = [{ type: 'callback', success: false, returnData, ...about }] as const
  expect(tellStory({ jobId: 1n, chain: [...chain], nodes: [] }, 0).events[0]?.text).toBe(
    'the callback reverted: no'
  )
})
