import { readFileSync } from 'node:fs'
import type { Abi } from 'abitype'
import {
  type BaseContract,
  Contract,
  ContractFactory,
  JsonRpcProvider,
  type JsonRpcSigner,
  type TransactionReceipt
} from 'ethers'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import {
  exampleClientAbi,
  imageToTextAbi,
  oracleAbi,
  workerRegistryAbi
} from '../../../src/chain/abi/index.js'
import {
  type EventArgs,
  type EventName,
  parseLog,
  revertName,
  type TypedContract,
  typedContract
} from '../../../src/chain/typed-contract.js'
import type { Address, Hex } from '../../../src/interface/index.js'
import { type Anvil, startAnvil } from '../../helpers/anvil.js'

export const peerKey: Hex = `0x${'11'.repeat(32)}`
export const manifest = 'ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
/** 0.001 and 0.0005 ether */
export const oraclePrice = 10n ** 15n
export const modelPrice = 5n * 10n ** 14n
export const price = oraclePrice + modelPrice

export const settings = {
  price: oraclePrice,
  jobTimeoutSeconds: 600,
  callbackGasLimit: 500_000,
  maxInputBytes: 65_536,
  maxOutputBytes: 16_384,
  maxReasonBytes: 256
}

/** Everything deployed anew: an Oracle, an approved ImageToText model, a client, and a registered worker. */
export interface Fixture {
  provider: JsonRpcProvider
  owner: JsonRpcSigner
  worker: JsonRpcSigner
  otherWorker: JsonRpcSigner
  user: JsonRpcSigner
  modelOwner: JsonRpcSigner
  oracleAdmin: JsonRpcSigner
  stranger: JsonRpcSigner
  registry: TypedContract<typeof workerRegistryAbi>
  /** As `worker`. */
  oracle: TypedContract<typeof oracleAbi>
  oracleAsOwner: TypedContract<typeof oracleAbi>
  /** As `modelOwner`. */
  model: TypedContract<typeof imageToTextAbi>
  /** As `user`. */
  client: TypedContract<typeof exampleClientAbi>
}

export function connect(url: string): JsonRpcProvider {
  // One request at a time goes at once; ethers would wait 10 ms for more of them to batch.
  const options = { staticNetwork: true, cacheTimeout: -1, pollingInterval: 20, batchMaxCount: 1 }
  return new JsonRpcProvider(url, 31_337, options)
}

export async function deployFixture(provider: JsonRpcProvider): Promise<Fixture> {
  const [owner, worker, otherWorker, user, modelOwner, oracleAdmin, stranger] = await Promise.all(
    [0, 1, 2, 3, 4, 5, 6].map(index => provider.getSigner(index))
  )
  if (!owner || !worker || !otherWorker || !user || !modelOwner || !oracleAdmin || !stranger) {
    throw new Error('anvil has too few accounts')
  }
  const registryAddress = await deploy(owner, 'WorkerRegistry', [])
  const oracleAddress = await deploy(owner, 'Oracle', [owner.address, registryAddress, settings])
  const setup = modelSetup({ owner: modelOwner, oracleAdmin, oracle: oracleAddress })
  const modelAddress = await deploy(modelOwner, 'ImageToText', [setup])
  const clientAddress = await deploy(user, 'ExampleClient', [modelAddress])

  const oracleAsOwner = typedContract(oracleAddress, oracleAbi, owner)
  await mined(oracleAsOwner.write('approveModelCode', [modelAddress, true]))
  const registry = typedContract(registryAddress, workerRegistryAbi, worker)
  await mined(registry.write('register', [peerKey]))
  return {
    provider,
    owner,
    worker,
    otherWorker,
    user,
    modelOwner,
    oracleAdmin,
    stranger,
    registry,
    oracle: typedContract(oracleAddress, oracleAbi, worker),
    oracleAsOwner,
    model: typedContract(modelAddress, imageToTextAbi, modelOwner),
    client: typedContract(clientAddress, exampleClientAbi, user)
  }
}

/** One chain for the tests of a file, and for each test all contracts anew. */
export function useFixture(take: (fresh: Fixture) => void): void {
  let anvil: Anvil | undefined
  beforeAll(async () => {
    anvil = await startAnvil()
  })
  afterAll(() => anvil?.stop())
  beforeEach(async () => {
    if (anvil === undefined) throw new Error('anvil did not start')
    const fresh = await deployFixture(connect(anvil.url))
    take(fresh)
    return () => fresh.provider.destroy()
  })
}

export function modelSetup(of: { owner: JsonRpcSigner; oracleAdmin: JsonRpcSigner; oracle: Address }) {
  return {
    owner: of.owner.address,
    oracleAdmin: of.oracleAdmin.address,
    oracle: of.oracle,
    manifestLocation: manifest,
    upgradeable: true,
    modelPrice
  }
}

export interface Artifact {
  abi: Abi
  bytecode: Hex
  deployedBytecode: Hex
}

export function artifact(name: string): Artifact {
  const url = new URL(`../../../contracts/build/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as Artifact
}

export async function deploy(signer: JsonRpcSigner, name: string, args: unknown[]): Promise<Address> {
  const { abi, bytecode } = artifact(name)
  const contract = await new ContractFactory(JSON.stringify(abi), bytecode, signer).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()) as Address
}

/** A contract of contracts/test, which has no typed ABI. */
export async function deployUntyped(signer: JsonRpcSigner, name: string, args: unknown[]): Promise<Contract> {
  return new Contract(await deploy(signer, name, args), JSON.stringify(artifact(name).abi), signer)
}

type Sent = Promise<{ wait(): Promise<TransactionReceipt | null> }>

/** The receipt; throws where the transaction reverted. */
export async function mined(sent: Sent): Promise<TransactionReceipt> {
  const receipt = await (await sent).wait()
  if (receipt === null) throw new Error('the transaction has no receipt')
  return receipt
}

/** The arguments of all logs of the event in a receipt. */
export function events<const A extends Abi, N extends EventName<A>>(
  receipt: TransactionReceipt,
  contract: { address: Address; abi: A },
  name: N
): EventArgs<A, N>[] {
  return receipt.logs
    .filter(log => log.address === contract.address)
    .map(log => parseLog(contract.abi, name, log))
    .filter(args => args !== undefined)
}

/** The one log of the event in a receipt. */
export function event<const A extends Abi, N extends EventName<A>>(
  receipt: TransactionReceipt,
  contract: { address: Address; abi: A },
  name: N
): EventArgs<A, N> {
  const [found, ...more] = events(receipt, contract, name)
  if (found === undefined || more.length > 0)
    throw new Error(`${more.length + (found ? 1 : 0)} logs of ${name}`)
  return found
}

/** Asks through the example client; the `JobCreated` of it. */
export async function ask(fixture: Fixture, image: Hex = '0x89504e47', seed: Hex = '0x') {
  const receipt = await mined(fixture.client.write('ask', [image, seed], { value: price }))
  return event(receipt, fixture.oracle, 'JobCreated')
}

/** Asks through a client of contracts/test. */
export async function askThrough(fixture: Fixture, client: BaseContract, callbackId = 1n) {
  const receipt = await mined(client.getFunction('ask')('0x89504e47', callbackId, { value: price }))
  return event(receipt, fixture.oracle, 'JobCreated')
}

interface Created {
  jobId: bigint
  requestHash: Hex
}

export function success(job: Created, output: Hex, receipt: Hex = '0x7b7d') {
  const { jobId, requestHash } = job
  return { jobId, requestHash, success: true, output, failureCode: 0, failureReason: '', receipt }
}

export function failure(job: Created, failureCode: number, failureReason: string, receipt: Hex = '0x') {
  const { jobId, requestHash } = job
  return { jobId, requestHash, success: false, output: '0x' as Hex, failureCode, failureReason, receipt }
}

/** Lets the chain's clock run on: the next block comes `seconds` later. */
export async function passTime(provider: JsonRpcProvider, seconds: number): Promise<void> {
  await provider.send('evm_increaseTime', [seconds])
  await provider.send('evm_mine', [])
}

/** The name of the custom error that a call or transaction reverts with. */
export async function revertOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    const name = revertName(error)
    if (name !== undefined) return name
    throw error
  }
  return 'no revert'
}
