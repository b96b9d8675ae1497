import { HDNodeWallet, Mnemonic } from 'ethers'
import { expect, test } from 'vitest'
import { registryInterface } from '../../../src/chain/interfaces.js'
import { workerStanding } from '../../../src/chain/standing.js'
import type { Standing, WorkerStanding } from '../../../src/interface/index.js'
import { submitterFixture } from './fixture.js'
import { eventually, type Worker } from './harness.js'

const { oracle, start } = submitterFixture()

const settings = { checkIntervalMs: 20 }
const messages = ({ said }: Worker) => said.map(({ message }) => message).join('\n')
const blocked = (worker: Worker) => eventually(() => expect(worker.submitter.canSubmit?.()).toBe(false))
const free = (worker: Worker) => eventually(() => expect(worker.submitter.canSubmit?.()).toBe(true))

/** What the contracts say, as a test has it. */
function standingOf(
  standing: Partial<Standing> = {},
  gasUsed = 200_000n
): WorkerStanding & { now: Standing } {
  const now: Standing = { registered: 'own', callbackGasLimit: 1_000_000n, price: 10n ** 15n, ...standing }
  return { now, look: async () => now, gasUsed: async () => gasUsed }
}

test('behavior: without funds nothing can be submitted, before there is a result; with funds it can again', async () => {
  const worker = await start({ settings, standing: standingOf() })
  await oracle().rpc('anvil_setBalance', [worker.account.address, '0x1'])
  await blocked(worker)
  expect(worker.submitter.status?.()).toMatchObject({
    waitingResults: 0,
    pendingTransactions: 0,
    problems: ['no funds'],
    payWei: 10n ** 15n
  })
  await oracle().rpc('anvil_setBalance', [worker.account.address, '0x56bc75e2d63100000'])
  await free(worker)
  const account = { balanceWei: 10n ** 20n, blockNumber: expect.any(Number), atMs: expect.any(Number) }
  await eventually(() => expect(worker.submitter.status?.()).toMatchObject({ problems: [], account }))
  expect(worker.readiness).toEqual([false, true])
  expect(worker.said.filter(({ level }) => level === 'error')).toHaveLength(1)
})

test('behavior: funds for a few submissions are warned of, and keep nobody from work', async () => {
  const worker = await start({ settings, standing: standingOf() })
  const { gasPrice } = await oracle().chain.accountState(worker.account.address)
  const one = 1_500_000n * 2n * ((gasPrice.baseFee ?? 0n) + gasPrice.priorityFee)
  await oracle().rpc('anvil_setBalance', [worker.account.address, `0x${(one * 5n).toString(16)}`])
  await eventually(() => expect(messages(worker)).toContain('less than 20 submissions'))
  expect(worker.submitter.canSubmit?.()).toBe(true)
  expect(worker.said).toHaveLength(1)
  await oracle().rpc('anvil_setBalance', [worker.account.address, '0x56bc75e2d63100000'])
})

test('behavior: gas above the limit blocks before there is a result, until it falls', async () => {
  await oracle().rpc('anvil_setNextBlockBaseFeePerGas', ['0x174876e800'])
  await oracle().rpc('evm_mine')
  const worker = await start({ settings: { ...settings, maxFeePerGas: 50_000_000_000n } })
  await blocked(worker)
  expect(messages(worker)).toContain('--max-fee-gwei')
  await oracle().rpc('anvil_setNextBlockBaseFeePerGas', ['0x3b9aca00'])
  await oracle().rpc('evm_mine')
  await free(worker)
})

test('behavior: an account that the registry does not name is noticed and said once, after a second look', async () => {
  const standing = standingOf()
  const worker = await start({ settings, standing })
  standing.now.registered = 'none'
  await blocked(worker)
  expect(messages(worker)).toMatch(/is not registered.*Start this node again/)
  standing.now.registered = 'another'
  await eventually(() => expect(messages(worker)).toMatch(/another node now.*--replace-registration/))
  expect(worker.submitter.canSubmit?.()).toBe(false)
  standing.now.registered = 'own'
  await free(worker)
  expect(worker.said.filter(({ level }) => level === 'error')).toHaveLength(2)
})

test('behavior: a blocked worker goes on although others have finished what it waited to submit', async () => {
  const jobs = await oracle().createJobs(1)
  const poor = await start({ settings, index: 0 })
  await oracle().rpc('anvil_setBalance', [poor.account.address, '0x0'])
  await poor.submit(jobs)
  await blocked(poor)
  const rich = await start({ index: 1 })
  await rich.submit(jobs)
  await rich.submitter.drain(20_000)
  await poor.submitter.drain(20_000)
  expect(poor.outcomes).toMatchObject([{ outcome: { kind: 'refused' } }])
  expect(poor.submitter.canSubmit?.()).toBe(false)
  await oracle().rpc('anvil_setBalance', [poor.account.address, '0x56bc75e2d63100000'])
  await free(poor)
})

test('behavior: submissions that cost more than the factor of their pay wait, and block; others are warned of', async () => {
  const standing = standingOf({ price: 1n })
  const worker = await start({ settings: { ...settings, maxCostFactor: 1 }, standing })
  await blocked(worker)
  expect(messages(worker)).toContain('--max-cost-factor')
  standing.now.price = 10n ** 15n
  await free(worker)

  const loser = await start({
    settings: { ...settings, maxCostFactor: 0 },
    standing: standingOf({ price: 1n })
  })
  await eventually(() => expect(messages(loser)).toContain('loses money'))
  expect(loser.submitter.canSubmit?.()).toBe(true)
})

test('behavior: one job whose callback burns gas waits alone; the others are submitted', async () => {
  const jobs = await oracle().createJobs(3)
  const [dear] = jobs
  const { chain } = oracle()
  const { gasPrice } = await chain.accountState(oracle().workers[0]?.address ?? '0x')
  const perGas = (gasPrice.baseFee ?? 0n) + gasPrice.priorityFee
  const burning = dear?.requestHash.slice(2) ?? ''
  const standing = {
    ...standingOf({ price: 300_000n * perGas }),
    gasUsed: async (data: string) => (data.includes(burning) ? 3_000_000n : 200_000n)
  }
  const worker = await start({ settings: { maxCostFactor: 1 }, standing })
  await worker.submit(jobs)
  await eventually(() => expect(worker.outcomes).toHaveLength(2))
  expect(worker.outcomes.map(({ jobId }) => jobId)).not.toContain(dear?.reference.jobId)
  expect(messages(worker)).toContain('The callback of this job costs more')
  expect(worker.submitter.canSubmit?.()).toBe(true)
})

test('behavior: the contracts tell how an account stands, and the endpoint what a call uses', async () => {
  const { network, client, workers, chain } = oracle()
  const account = workers[1]?.address ?? '0x'
  const key = await client.provider.call({
    to: network.registry,
    data: registryInterface.encodeFunctionData('peerKeyOf', [account])
  })
  const standingFor = (peerKey: string, address = account) =>
    workerStanding({ network, account: address, peerKey })({ rpc: client.rpc })
  const own = await standingFor(key.slice(2)).look()
  expect(own).toEqual({ registered: 'own', callbackGasLimit: 1_000_000n, price: 10n ** 15n })
  expect(await standingFor('ab'.repeat(32)).look()).toMatchObject({ registered: 'another' })
  const nobody = HDNodeWallet.fromMnemonic(
    Mnemonic.fromPhrase('test test test test test test test test test test test junk'),
    "m/44'/60'/0'/0/7"
  ).address as `0x${string}`
  expect(await standingFor(key.slice(2), nobody).look()).toMatchObject({ registered: 'none' })

  const [job] = await oracle().createJobs(1)
  if (job === undefined) throw new Error('no job')
  const { jobId } = job.reference
  const item = { jobId, requestHash: job.requestHash, success: true, output: '0x', failureCode: 0 } as const
  const data = chain.encode([{ ...item, failureReason: '', receipt: '0x' }])
  const used = (await standingFor(key.slice(2)).gasUsed(data)) ?? 0n
  const { gas = 0n } = await chain.simulate(account, data, 1)
  expect(used).toBeGreaterThan(21_000n)
  // What must be sent along includes the callback's million, which is not used.
  expect(gas).toBeGreaterThan(used + 500_000n)
  expect(await standingFor(key.slice(2), nobody).gasUsed(data)).toBeUndefined()
})
