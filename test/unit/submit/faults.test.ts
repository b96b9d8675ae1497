import { HDNodeWallet, Mnemonic } from 'ethers'
import { expect, test } from 'vitest'
import { startFaultProxy } from '../../../node/testnet/chaos/fault-proxy.js'
import { submissionChain } from '../../../src/chain/submission-chain.js'
import { type Hex, type SubmissionChain, SubmissionStatus } from '../../../src/interface/index.js'
import { submitterFixture } from './fixture.js'
import { eventually } from './harness.js'

const { oracle, start, restart, minedCount, expectFinalOnce, neverSends } = submitterFixture()

test('stuck transaction: it is replaced with an eighth more, and finalises once', async () => {
  const jobs = await oracle().createJobs(1)
  const worker = await start({ settings: { stuckAfterMs: 100 } })
  const before = await minedCount(worker)
  await oracle().rpc('evm_setAutomine', [false])
  await worker.submit(jobs)
  const entry = await eventually(async () => {
    const [found] = await worker.entries()
    expect(found?.hashes.length).toBeGreaterThanOrEqual(3)
    return found
  })
  const hashes = entry?.hashes ?? []
  const pool = (await oracle().rpc('txpool_content')) as {
    pending: Record<string, Record<string, { hash: Hex }>>
  }
  const waiting = Object.entries(pool.pending).find(
    ([address]) => address.toLowerCase() === worker.account.address.toLowerCase()
  )
  expect(Object.keys(waiting?.[1] ?? {})).toHaveLength(1)
  await oracle().rpc('evm_mine')
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  expect(hashes.length).toBeGreaterThanOrEqual(3)
  await expectFinalOnce(jobs)
  expect(await minedCount(worker)).toBe(before + 1)
})

test('transaction dropped from the pool: it is sent again', async () => {
  const jobs = await oracle().createJobs(1)
  const worker = await start({ settings: { stuckAfterMs: 100, maxFeePerGas: 10n ** 13n } })
  await oracle().rpc('evm_setAutomine', [false])
  await worker.submit(jobs)
  const entry = await eventually(async () => {
    const [found] = await worker.entries()
    expect(found?.sent).toBe(true)
    return found
  })
  for (const hash of entry?.hashes ?? []) await oracle().rpc('anvil_dropTransaction', [hash])
  await oracle().rpc('evm_setAutomine', [true])
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  await expectFinalOnce(jobs)
})

/** The worker's account, as a wallet of somebody else's program. */
const stranger = () =>
  HDNodeWallet.fromMnemonic(
    Mnemonic.fromPhrase('test test test test test test test test test test test junk'),
    "m/44'/60'/0'/0/1"
  ).connect(oracle().client.provider)

test('nonce gap below a transaction that waits: it is filled', async () => {
  const jobs = await oracle().createJobs(1)
  await oracle().rpc('evm_setAutomine', [false])
  const wallet = stranger()
  const foreign = await wallet.sendTransaction({ to: wallet.address, value: 1n, gasLimit: 21_000n })
  const worker = await start({ settings: { stuckAfterMs: 200 } })
  await worker.submit(jobs)
  const entry = await eventually(async () => {
    const [found] = await worker.entries()
    expect(found?.sent).toBe(true)
    return found
  })
  expect(entry?.nonce).toBe(foreign.nonce + 1)
  await oracle().rpc('anvil_dropTransaction', [foreign.hash])
  await oracle().rpc('evm_setAutomine', [true])
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  await expectFinalOnce(jobs)
  expect(await minedCount(worker)).toBe(foreign.nonce + 2)
})

test("nonce used by somebody else's transaction: the result goes with another nonce", async () => {
  const jobs = await oracle().createJobs(1)
  const first = await start({ chain: neverSends() })
  await first.submit(jobs)
  await eventually(async () => expect(await first.entries()).toHaveLength(1))
  const wallet = stranger()
  await (await wallet.sendTransaction({ to: wallet.address, value: 1n })).wait()
  const second = await restart(first)
  await second.submitter.drain(20_000)
  expect(second.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  await expectFinalOnce(jobs)
  expect(second.said.map(({ message }) => message).join()).toContain('does anything else use the account?')
})

test('reorg that drops a mined submission: it is mined again, and the outcome is told once', async () => {
  const jobs = await oracle().createJobs(1)
  const worker = await start({ settings: { confirmations: 4 } })
  await worker.submit(jobs)
  await worker.submitter.drain(20_000)
  const [reference] = jobs
  expect(await oracle().finalisations(reference?.reference.jobId ?? 0n)).toBe(1)
  await oracle().rpc('anvil_reorg', [1, []])
  await eventually(async () => expect(await oracle().finalisations(reference?.reference.jobId ?? 0n)).toBe(1))
  await oracle().rpc('anvil_mine', ['0x4'])
  await eventually(async () => expect(await worker.entries()).toEqual([]))
  await expectFinalOnce(jobs)
  expect(worker.outcomes).toHaveLength(1)
})

test('depth: a transaction is watched until as many blocks as were asked for hold it, and no longer', async () => {
  const heads: number[] = []
  const chain: SubmissionChain = {
    ...oracle().chain,
    async view(...args) {
      const view = await oracle().chain.view(...args)
      heads.push(view.head.number)
      return view
    }
  }
  const jobs = await oracle().createJobs(1)
  const worker = await start({ chain, settings: { confirmations: 4 } })
  await worker.submit(jobs)
  await worker.submitter.drain(20_000)
  const [told] = worker.outcomes
  if (told?.outcome.kind !== 'accepted') throw new Error('not accepted')
  const third = told.outcome.blockNumber + 2
  await oracle().rpc('anvil_mine', ['0x2'])
  // What the first of two looks found has been done when the second begins.
  await eventually(() => expect(heads.filter(head => head === third).length).toBeGreaterThan(1))
  expect(await worker.entries()).toHaveLength(1)
  await oracle().rpc('evm_mine')
  await eventually(async () => expect(await worker.entries()).toEqual([]))
})

test('endpoint that counts a transaction and does not show it yet: the transaction is not given up', async () => {
  const hidden: number[] = []
  const chain: SubmissionChain = {
    ...oracle().chain,
    async view(...args) {
      const view = await oracle().chain.view(...args)
      if (view.mined.size === 0 || hidden.length === 2) return view
      hidden.push(view.latestNonce)
      return { ...view, mined: new Map() }
    }
  }
  const jobs = await oracle().createJobs(1)
  const worker = await start({ chain })
  const before = await minedCount(worker)
  await worker.submit(jobs)
  await worker.submitter.drain(20_000)
  expect(hidden).toEqual([before + 1, before + 1])
  expect(worker.said).toEqual([])
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  expect(await minedCount(worker)).toBe(before + 1)
})

test('RPC down for a while: it is said once, and the result is submitted when it is back', async () => {
  const proxy = await startFaultProxy(oracle().anvil.url)
  const client = await oracle().connect(proxy.url)
  try {
    const jobs = await oracle().createJobs(1)
    const worker = await start({ chain: submissionChain({ network: oracle().network, rpc: client.rpc }) })
    proxy.setMode('cut')
    await worker.submit(jobs)
    const seen = proxy.requests()
    await eventually(() => expect(proxy.requests()).toBeGreaterThan(seen + 4))
    expect(worker.outcomes).toEqual([])
    expect(worker.said).toEqual([])
    proxy.setMode('pass')
    await worker.submitter.drain(20_000)
    expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
    await expectFinalOnce(jobs)
    await worker.submitter.stop()
  } finally {
    client.destroy()
    await proxy.stop()
  }
})

test('no funds: the account and what to do are said once, and the result goes when funds arrive', async () => {
  const jobs = await oracle().createJobs(2)
  const worker = await start()
  const { address } = worker.account
  await oracle().rpc('anvil_setBalance', [address, '0x0'])
  await worker.submit(jobs)
  await eventually(() => expect(worker.said).toHaveLength(1))
  expect(worker.said[0]?.level).toBe('error')
  expect(worker.said[0]?.message).toContain(
    `Account ${address} cannot pay for its transactions: send it funds`
  )
  expect(await worker.entries()).toEqual([])
  await oracle().rpc('anvil_setBalance', [address, '0x56bc75e2d63100000'])
  await worker.submitter.drain(20_000)
  expect(worker.outcomes.map(({ outcome }) => outcome.kind)).toEqual(['accepted', 'accepted'])
  expect(worker.said).toHaveLength(1)
})

test('gas above the limit of this node: results wait, and go when it falls', async () => {
  const jobs = await oracle().createJobs(1)
  await oracle().rpc('anvil_setNextBlockBaseFeePerGas', ['0x174876e800'])
  await oracle().rpc('evm_mine')
  const worker = await start({ settings: { maxFeePerGas: 50_000_000_000n } })
  await worker.submit(jobs)
  await eventually(() => expect(worker.said.map(({ message }) => message).join()).toContain('Gas costs more'))
  await oracle().rpc('anvil_setNextBlockBaseFeePerGas', ['0x3b9aca00'])
  await oracle().rpc('evm_mine')
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
})

test('data of another chain: what this chain does not know is refused, and no gap is filled for it', async () => {
  const jobs = await oracle().createJobs(1)
  const snapshot = await oracle().rpc('evm_snapshot')
  const first = await start({ chain: neverSends() })
  const doomed = await oracle().createJobs(1)
  const wallet = stranger()
  await (await wallet.sendTransaction({ to: wallet.address })).wait()
  await first.submit(doomed)
  await eventually(async () => expect(await first.entries()).toHaveLength(1))
  await first.submitter.stop()
  await oracle().rpc('evm_revert', [snapshot])
  const second = await restart(first)
  const before = await minedCount(second)
  await second.submitter.drain(20_000)
  expect(second.outcomes).toMatchObject([
    { outcome: { kind: 'refused', status: SubmissionStatus.UnknownJob } }
  ])
  expect(await minedCount(second)).toBe(before)
  await second.submit(jobs)
  await second.submitter.drain(20_000)
  await expectFinalOnce(jobs)
})

test('reorg that drops the job as well: the result waits for the job, and finalises it once', async () => {
  const jobs = await oracle().createJobs(1)
  const [job] = jobs
  const jobId = job?.reference.jobId ?? 0n
  const seen: SubmissionStatus[] = []
  const chain: SubmissionChain = {
    ...oracle().chain,
    async simulate(...args) {
      const simulation = await oracle().chain.simulate(...args)
      if (simulation.outcome.kind === 'statuses') seen.push(...simulation.outcome.statuses)
      return simulation
    }
  }
  const worker = await start({ chain, settings: { confirmations: 4 } })
  await worker.submit(jobs)
  await worker.submitter.drain(20_000)
  await oracle().rpc('anvil_reorg', [2, []])
  for (const hash of await poolHashes()) await oracle().rpc('anvil_dropTransaction', [hash])
  await eventually(() =>
    expect(seen.filter(status => status === SubmissionStatus.UnknownJob).length).toBeGreaterThan(1)
  )
  // The same request, mined again: another key, and the same request hash.
  const [again] = await oracle().createJobs(1)
  expect(again?.reference.jobId).toBe(jobId)
  expect(again?.requestHash).toBe(job?.requestHash)
  await eventually(async () => expect(await oracle().finalisations(jobId)).toBe(1))
  await oracle().rpc('anvil_mine', ['0x4'])
  await eventually(async () => expect(await worker.entries()).toEqual([]))
  expect(await oracle().finalisations(jobId)).toBe(1)
  expect(worker.outcomes).toHaveLength(1)
})

async function poolHashes(): Promise<string[]> {
  const { pending, queued } = (await oracle().rpc('txpool_content')) as Record<
    'pending' | 'queued',
    Record<string, Record<string, { hash: string }>>
  >
  return [pending, queued].flatMap(part =>
    Object.values(part).flatMap(byNonce => Object.values(byNonce).map(({ hash }) => hash))
  )
}

test('transaction that reverts when it is mined: its results go into another', async () => {
  const jobs = await oracle().createJobs(2)
  const worker = await start()
  await oracle().rpc('evm_setAutomine', [false])
  await worker.submit(jobs)
  await eventually(() => expect(worker.events.length).toBeGreaterThan(0))
  // A registry that knows nobody, for one block: PUSH1 0, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
  const code = await oracle().rpc('eth_getCode', [oracle().network.registry, 'latest'])
  await oracle().rpc('anvil_setCode', [oracle().network.registry, '0x600060005260206000f3'])
  await oracle().rpc('evm_mine')
  await eventually(() => expect(worker.said.map(({ message }) => message).join()).toContain('not registered'))
  expect(worker.said.map(({ message }) => message).join()).toContain('A transaction reverted')
  await oracle().rpc('anvil_setCode', [oracle().network.registry, code])
  await oracle().rpc('evm_setAutomine', [true])
  await worker.submitter.drain(20_000)
  expect(worker.outcomes.map(({ outcome }) => outcome.kind)).toEqual(['accepted', 'accepted'])
  await expectFinalOnce(jobs)
})

test('broadcast that the endpoint refuses for good: the transaction is made anew', async () => {
  const jobs = await oracle().createJobs(1)
  let refusals = 0
  const chain: SubmissionChain = {
    ...oracle().chain,
    broadcast: (raw, signal) =>
      refusals++ === 0
        ? Promise.resolve({ kind: 'rejected', message: 'exceeds block gas limit' })
        : oracle().chain.broadcast(raw, signal)
  }
  const worker = await start({ chain })
  await worker.submit(jobs)
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  await expectFinalOnce(jobs)
})

test('broadcast that is underpriced: it is sent with a higher fee', async () => {
  const jobs = await oracle().createJobs(1)
  const sent: string[] = []
  const chain: SubmissionChain = {
    ...oracle().chain,
    broadcast: (raw, signal) =>
      sent.push(raw) === 1
        ? Promise.resolve({ kind: 'underpriced', message: 'transaction underpriced' })
        : oracle().chain.broadcast(raw, signal)
  }
  const worker = await start({ chain })
  await worker.submit(jobs)
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  expect(new Set(sent).size).toBe(2)
  await expectFinalOnce(jobs)
})
