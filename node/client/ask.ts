import { getBytes, isCallException, isError, type Provider, type Signer } from 'ethers'
import type { AnyTask } from '../../models/index.js'
import { exampleClientAbi, imageToTextAbi, modelAbi, oracleAbi } from '../../src/chain/abi/index.js'
import { parseLog, revertName, typedContract } from '../../src/chain/typed-contract.js'
import {
  AccountError,
  type Address,
  ChainUnavailableError,
  ConfigError,
  type Hex,
  NotFoundError,
  TimeoutError
} from '../../src/interface/index.js'

/** A picture, or where it lies. */
export type AskInput = { kind: 'content'; bytes: Uint8Array } | { kind: 'location'; location: string }

export interface Asked {
  jobId: bigint
  txHash: Hex
  /** Names the answer in the example client; undefined where the model was asked by the account itself. */
  callbackId: bigint | undefined
}

export interface AskTarget {
  oracle: Address
  model: Address
  /** The ExampleClient that asks and keeps the answer; without it the account asks, and reads the subgraph. */
  client: Address | undefined
}

/** Names no function: an account without code takes every callback. */
const noFunction = '0x00000000'

/** Finds the contract to ask. Throws NotFoundError. */
export async function findTarget(init: {
  task: AnyTask
  oracle: Address
  models: Record<string, Address>
  client: Address | undefined
  /** A model contract, in place of the network file's. */
  model: Address | undefined
  provider: Provider
}): Promise<AskTarget> {
  const { task, oracle, client, provider } = init
  const model = init.model ?? init.models[task.name]
  if (model === undefined) {
    throw new NotFoundError(
      `The network file names no model for ${task.name}: name its contract with --model <address>`
    )
  }
  const contract = typedContract(model, modelAbi, provider)
  const category = await answerOf(
    contract.read('modelCategory', []),
    `${model} is not a model contract: check --model`
  )
  if (category !== task.category) {
    throw new NotFoundError(`The model ${model} does another task than ${task.name}: check --model`)
  }
  if (client === undefined) {
    return { oracle, model, client: undefined }
  }
  const asks = await typedContract(client, exampleClientAbi, provider).read('model', [])
  return { oracle, model, client: asks.toLowerCase() === model.toLowerCase() ? client : undefined }
}

/** Checks the input before it costs anything. Throws ConfigError. */
export async function checkInput(
  task: AnyTask,
  input: AskInput,
  oracle: Address,
  provider: Provider
): Promise<void> {
  if (input.kind === 'location') {
    return
  }
  let encoded: Hex
  try {
    encoded = task.input.encode(task.input.fromContent(input.bytes))
  } catch (err) {
    throw new ConfigError(`--input (flag): ${err instanceof Error ? err.message : String(err)}`, {
      cause: err
    })
  }
  const { maxInputBytes } = await typedContract(oracle, oracleAbi, provider).read('settings', [])
  const sizeBytes = getBytes(encoded).length
  if (sizeBytes > maxInputBytes) {
    throw new ConfigError(
      `--input (flag): has ${sizeBytes} bytes when encoded, and the network takes ${maxInputBytes} on chain: make it smaller, or give its https:// location`
    )
  }
}

export interface AskOptions {
  /** Told the transaction's hash once the endpoint has taken it. */
  onSent?: (txHash: Hex) => void
  /** How long a block may take to hold it. Default: for ever. */
  timeoutMs?: number
}

/** Sends one request and waits until it is mined. Throws AccountError, ChainUnavailableError, TimeoutError. */
export async function ask(
  target: AskTarget,
  input: AskInput,
  seed: Hex,
  signer: Signer,
  { onSent, timeoutMs }: AskOptions = {}
): Promise<Asked> {
  const { model, client, oracle } = target
  const value = await typedContract(model, modelAbi, signer).read('price', [])
  const bytes = input.kind === 'content' ? (toHex(input.bytes) as Hex) : undefined
  const location = input.kind === 'location' ? input.location : ''
  try {
    const asClient = client === undefined ? undefined : typedContract(client, exampleClientAbi, signer)
    const asModel = typedContract(model, imageToTextAbi, signer)
    const sent =
      asClient !== undefined
        ? bytes !== undefined
          ? await asClient.write('ask', [bytes, seed], { value })
          : await asClient.write('askFromLocation', [location, seed], { value })
        : bytes !== undefined
          ? await asModel.write('run', [bytes, 0n, noFunction, seed], { value })
          : await asModel.write('runFromLocation', [location, 0n, noFunction, seed], { value })
    onSent?.(sent.hash as Hex)
    const receipt = await sent.wait(1, timeoutMs)
    const logs = receipt?.logs ?? []
    const created = firstLog(
      logs.filter(log => log.address.toLowerCase() === oracle.toLowerCase()),
      log => parseLog(oracleAbi, 'JobCreated', log)
    )
    if (created === undefined) {
      throw new ChainUnavailableError(
        `The transaction ${sent.hash} started no job: look at it with a block explorer`
      )
    }
    const remembered = firstLog(
      logs.filter(log => log.address.toLowerCase() === client?.toLowerCase()),
      log => parseLog(exampleClientAbi, 'Asked', log)
    )
    return { jobId: created.jobId, txHash: sent.hash as Hex, callbackId: remembered?.callbackId }
  } catch (err) {
    throw explain(err, await signer.getAddress())
  }
}

/** What the example client was called back with, by RPC. */
export async function storedAnswer(
  client: Address,
  callbackId: bigint,
  provider: Provider
): Promise<{ answered: boolean; data: Hex; failureCode: number; failureReason: string }> {
  return typedContract(client, exampleClientAbi, provider).read('answers', [callbackId])
}

function firstLog<L, T>(logs: L[], parse: (log: L) => T | undefined): T | undefined {
  for (const log of logs) {
    const parsed = parse(log)
    if (parsed !== undefined) {
      return parsed
    }
  }
  return undefined
}

async function answerOf<T>(call: Promise<T>, message: string): Promise<T> {
  try {
    return await call
  } catch (err) {
    if (isCallException(err) || isError(err, 'BAD_DATA') || isError(err, 'BUFFER_OVERRUN')) {
      throw new NotFoundError(message, { cause: err })
    }
    throw err
  }
}

/** ethers' errors as ours. */
function explain(err: unknown, account: string): unknown {
  if (isError(err, 'INSUFFICIENT_FUNDS')) {
    return new AccountError(
      `The account ${account} cannot pay for the job and its transaction: send it ether`,
      { cause: err }
    )
  }
  if (isError(err, 'TIMEOUT')) {
    return new TimeoutError(
      'The request was sent, and no block held it in time: look for its transaction with a block explorer, or give it more time with --timeout',
      { cause: err }
    )
  }
  if (isCallException(err)) {
    const name = revertName(err) ?? err.reason ?? 'no reason given'
    return new AccountError(`The contract refused the request: ${name}`, { cause: err })
  }
  return err
}

function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`
}
