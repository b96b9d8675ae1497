import { AbiCoder, type JsonRpcSigner } from 'ethers'
import { expect, test } from 'vitest'
import {
  readAccount,
  reclaimJob,
  type Sending,
  unregister,
  withdrawCredit,
  withdrawCreditOf
} from '../../../node/client/account.js'
import { AccountError, type Address, type Hex, NotFoundError } from '../../../src/interface/index.js'
import { peerIdOf } from '../../../src/network/identity.js'
import {
  ask,
  type Fixture,
  mined,
  oraclePrice,
  peerKey,
  price,
  settings,
  success,
  useFixture
} from '../contracts/fixture.js'

let f: Fixture
useFixture(fresh => {
  f = fresh
})

const output = AbiCoder.defaultAbiCoder().encode(['string'], ['text']) as Hex
const nobody: Address = '0x000000000000000000000000000000000000bEEF'
const network = () => ({ chainId: 31_337, oracle: f.oracle.address, registry: f.registry.address })
const as = (signer: JsonRpcSigner): Sending => ({ network: network(), signer, timeoutMs: 20_000 })
const view = (address: string) => readAccount(f.provider, network(), address as Address)

test('behavior: an operator sees what the worker has, is owed and is registered for, and takes the pay', async () => {
  await mined(f.oracle.write('submitResults', [[success(await ask(f), output)]]))
  const before = await view(f.worker.address)
  expect(before).toMatchObject({
    chainId: 31_337,
    credit: oraclePrice,
    pay: oraclePrice,
    registeredFor: peerIdOf(peerKey.slice(2)).toString()
  })
  expect(before.submissionCost).toBeGreaterThan(0n)

  const tooMuch = withdrawCredit(as(f.worker), { to: nobody, amount: oraclePrice + 1n })
  await expect(tooMuch).rejects.toThrow(/ask for less/)
  const half = oraclePrice / 2n
  expect(await withdrawCredit(as(f.worker), { to: nobody, amount: half })).toMatchObject({
    to: nobody,
    amount: half
  })
  expect(await f.provider.getBalance(nobody)).toBe(half)
  const rest = await withdrawCredit(as(f.worker), { to: undefined, amount: undefined })
  expect(rest).toMatchObject({ to: f.worker.address, amount: half })
  expect((await view(f.worker.address)).credit).toBe(0n)
  const none = withdrawCredit(as(f.worker), { to: undefined, amount: undefined })
  await expect(none).rejects.toThrow(AccountError)
})

test('behavior: a worker leaves the registry, once', async () => {
  await unregister(as(f.worker))
  expect((await view(f.worker.address)).registeredFor).toBeUndefined()
  await expect(unregister(as(f.worker))).rejects.toThrow(/is not registered/)
})

test('behavior: a job past its deadline is reclaimed for its client, by anyone, and no other is', async () => {
  const { jobId } = await ask(f)
  await expect(reclaimJob(as(f.stranger), jobId + 1n)).rejects.toThrow(NotFoundError)
  await expect(reclaimJob(as(f.stranger), jobId)).rejects.toThrow(/until then a worker may still answer/)
  await f.provider.send('evm_increaseTime', [settings.jobTimeoutSeconds + 1])
  await f.provider.send('evm_mine', [])
  expect(await reclaimJob(as(f.stranger), jobId)).toMatchObject({ to: f.client.address, amount: price })
  expect((await view(f.client.address)).credit).toBe(price)
  await expect(reclaimJob(as(f.stranger), jobId)).rejects.toThrow(/is final already/)
  // This client cannot take ether that it did not ask for: the credit stays.
  await expect(withdrawCreditOf(as(f.stranger), f.client.address)).rejects.toThrow(/TransferFailed/)
  expect((await view(f.client.address)).credit).toBe(price)
})
