import { expect, test } from 'vitest'
import type { Hex, Result } from '../../../src/interface/index.js'
import { chooseFees, maxPerGas, replacementFees } from '../../../src/submit/fees.js'
import { submissionItem, truncateUtf8 } from '../../../src/submit/item.js'
import { resultLedger } from '../../../src/submit/ledger.js'
import { findGap, nextNonce } from '../../../src/submit/nonces.js'

const held = (...nonces: number[]) => new Set(nonces)

test('nextNonce: it follows the chain, what the outbox holds and what strangers have sent', () => {
  expect(nextNonce({ latest: 5, pending: 5 }, held())).toBe(5)
  expect(nextNonce({ latest: 5, pending: 7 }, held(5, 6))).toBe(7)
  // The pool has lost ours: they keep their nonces.
  expect(nextNonce({ latest: 5, pending: 5 }, held(5, 6))).toBe(7)
  // 5 and 6 are somebody else's.
  expect(nextNonce({ latest: 5, pending: 7 }, held())).toBe(7)
  expect(nextNonce({ latest: 5, pending: 7 }, held(6, 7))).toBe(8)
})

test('nextNonce: a gap is filled before anything goes above it', () => {
  expect(nextNonce({ latest: 5, pending: 5 }, held(6, 7))).toBe(5)
  expect(findGap({ latest: 5, pending: 5 }, held(6, 7))).toBe(5)
  expect(findGap({ latest: 5, pending: 6 }, held(5, 7))).toBe(6)
  expect(findGap({ latest: 5, pending: 7 }, held(5, 6))).toBeUndefined()
  expect(findGap({ latest: 5, pending: 5 }, held())).toBeUndefined()
})

test('chooseFees: never above the cap, and legacy without a base fee', () => {
  expect(chooseFees({ baseFee: 10n, priorityFee: 2n, gasPrice: 12n }, 100n)).toEqual({
    type: 'eip1559',
    maxFeePerGas: 22n,
    maxPriorityFeePerGas: 2n
  })
  expect(chooseFees({ baseFee: 10n, priorityFee: 50n, gasPrice: 12n }, 15n)).toEqual({
    type: 'eip1559',
    maxFeePerGas: 15n,
    maxPriorityFeePerGas: 15n
  })
  expect(chooseFees({ baseFee: 16n, priorityFee: 2n, gasPrice: 18n }, 15n)).toBeUndefined()
  expect(chooseFees({ baseFee: undefined, priorityFee: 0n, gasPrice: 12n }, 15n)).toEqual({
    type: 'legacy',
    gasPrice: 12n
  })
})

test('replacementFees: each part grows by an eighth or more, to the cap and not beyond', () => {
  const previous = { type: 'eip1559', maxFeePerGas: 1_000n, maxPriorityFeePerGas: 100n } as const
  const price = { baseFee: 10n, priorityFee: 1n, gasPrice: 11n }
  const next = replacementFees(previous, price, 10_000n)
  expect(next).toEqual({ type: 'eip1559', maxFeePerGas: 1_126n, maxPriorityFeePerGas: 113n })
  expect(replacementFees(previous, price, 1_100n)).toBeUndefined()
  const risen = replacementFees(previous, { baseFee: 2_000n, priorityFee: 300n, gasPrice: 2_300n }, 10_000n)
  expect(risen).toEqual({ type: 'eip1559', maxFeePerGas: 4_300n, maxPriorityFeePerGas: 300n })
  const legacy = replacementFees({ type: 'legacy', gasPrice: 80n }, { ...price, baseFee: undefined }, 10_000n)
  expect(legacy === undefined ? 0n : maxPerGas(legacy)).toBe(91n)
})

test('truncateUtf8: it cuts between characters, and never breaks one', () => {
  expect(truncateUtf8('abc', 3)).toBe('abc')
  expect(truncateUtf8('aäb', 2)).toBe('a')
  expect(truncateUtf8('a😀b', 4)).toBe('a')
  expect(truncateUtf8('a😀b', 5)).toBe('a😀')
  expect(truncateUtf8('\ud83d', 10)).toBe('\ufffd')
})

const resultOf = (requestHash: Hex, jobId = 1n, job = 'aa'): Result => ({
  job,
  jobId,
  requestHash,
  outcome: {
    success: true,
    output: '0x1234',
    receipt: {
      runtime: 'native',
      runtimeVersion: '1',
      manifest: 'm',
      cpu: 'c'.repeat(5_000),
      outputHash: '0x'
    }
  },
  startedAtMs: 0,
  finishedAtMs: 0
})

test('submissionItem: a receipt is JSON that the Oracle takes, however long a processor is named', () => {
  const { receipt } = submissionItem(resultOf('0x01'))
  const text = Buffer.from(receipt.slice(2), 'hex').toString()
  expect(text.length).toBeLessThanOrEqual(1_024)
  expect(JSON.parse(text)).toMatchObject({ runtime: 'native', manifest: 'm', cpu: 'c'.repeat(128) })
})

test('ledger: a result that waits or is on its way is not doubled, and each is told of once', () => {
  const ledger = resultLedger(async () => undefined)
  ledger.add(resultOf('0x01'), 0)
  ledger.add(resultOf('0x01'), 0)
  const [item] = ledger.ready(0, 10, new Set())
  expect(ledger.waitingCount()).toBe(1)
  if (item === undefined) throw new Error('nothing is ready')
  ledger.markSent(item)
  ledger.add(resultOf('0x01', 1n, 'bb'), 0)
  expect(ledger.waitingCount()).toBe(0)
  // Under the key that a reorg gave it in the meantime.
  expect(ledger.markReported('0x01')).toMatchObject({ job: 'bb' })
  expect(ledger.markReported('0x01')).toBeUndefined()
  // Queued anew, it is told of anew.
  ledger.add(resultOf('0x01', 1n, 'cc'), 0)
  expect(ledger.markReported('0x01')).toMatchObject({ job: 'cc' })
})

test('ledger: items of one job id go one after the other', () => {
  const ledger = resultLedger(async () => undefined)
  ledger.add(resultOf('0x01', 1n), 0)
  ledger.add(resultOf('0x02', 1n), 0)
  ledger.add(resultOf('0x03', 2n), 0)
  expect(ledger.ready(0, 10, new Set()).map(({ requestHash }) => requestHash)).toEqual(['0x01', '0x03'])
  expect(ledger.ready(0, 10, new Set([1n])).map(({ requestHash }) => requestHash)).toEqual(['0x03'])
})

test('ledger: what was put off is ready when its time has come', () => {
  const ledger = resultLedger(async () => undefined)
  ledger.add(resultOf('0x01'), 0)
  const [item] = ledger.ready(0, 10, new Set())
  if (item === undefined) throw new Error('nothing is ready')
  ledger.requeue(item, 0, 100)
  expect(ledger.ready(99, 10, new Set())).toEqual([])
  expect(ledger.nextReadyMs(0)).toBe(100)
  expect(ledger.ready(100, 10, new Set())).toHaveLength(1)
  expect(ledger.attempts('0x01')).toBe(1)
})
