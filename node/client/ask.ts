import { getBytes, isCallException, isError, type Provider, type Signer } from 'ethers'
import type { AnyTask } from '../../models/index.js'
import { exampleClientAbi, modelAbi, oracleAbi, ticTacToeAbi } from '../../src/chain/abi/index.js'
import { encodeCall, parseLog, revertName, typedContract } from '../../src/chain/typed-contract.js'
import {
  AccountError,
  type Address,
  ChainUnavailableError,
  ConfigError,
  type Hex,
  NotFoundError,
  type OutputFormat,
  TimeoutError
} from '../../src/interface/index.js'
import { encodeRun, encodeRunFromLocation } from './task-call.js'
import type { AskInput } from './task-input.js'

export interface Asked {
  jobId: bigint
  txHash: Hex
  /** What was paid for the job, in wei. */
  payment: bigint
  /** Names the answer in the example client; undefined where another contract was asked. */
  callbackId: bigint | undefined
}

/** The contracts that a request involves. */
export interface AskTarget {
  oracle: Address
  model: Address
  /** The ExampleClient that asks and keeps the answer; without it the account asks, and reads the subgraph. */
  client: Address | undefined
}

/** A transaction that starts a job. The price of the model goes with it. */
export interface Request {
  to: Address
  data: Hex
}

/** Finds the contract to ask. Throws NotFoundError. */
export async function findTarget(init: {
  task: AnyTask
  oracle: Address
  models: Record<string, Address>
  client: Address | undefined
  /** Name or contract of a model, in place of the task's first one. */
  model: string | undefined
  provider: Provider
}): Promise<AskTarget> {
  const { task, oracle, models, client, provider } = init
  const model = modelAddress(task, models, init.model)
  const category = await answerOf(
    typedContract(model, modelAbi, provider).read('modelCategory', []),
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

function modelAddress(task: AnyTask, models: Record<string, Address>, wanted: string | undefined): Address {
  if (wanted?.startsWith('0x')) {
    return wanted as Address
  }
  const found = models[wanted === undefined ? task.name : `${task.name}/${wanted}`]
  if (found !== undefined) {
    return found
  }
  const names = Object.keys(models).filter(name => name.startsWith(`${task.name}/`))
  throw new NotFoundError(
    wanted === undefined || names.length === 0
      ? `The network file names no model for ${task.name}: name its contract with --model <address>`
      : `The network file names no model "${wanted}" for ${task.name}: it has ${names.map(name => name.slice(task.name.length + 1)).join(', ')}`
  )
}

/** Checks the input before it costs anything, and encodes it; undefined for one that lies elsewhere. Throws ConfigError. */
export async function encodeInput(
  task: AnyTask,
  input: AskInput,
  oracle: Address,
  provider: Provider
): Promise<Hex | undefined> {
  if (input.kind === 'location') {
    return undefined
  }
  let encoded: Hex
  try {
    encoded = task.input.encode(task.input.fromContent(input.bytes))
  } catch (err) {
    const flag = task.input.type === 'text' ? '--prompt' : '--input'
    throw new ConfigError(`${flag} (flag): ${err instanceof Error ? err.message : String(err)}`, {
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
  return encoded
}

/** The transaction that asks a task. `encoded`: of `encodeInput`. Throws ConfigError. */
export function taskRequest(
  task: AnyTask,
  target: AskTarget,
  asking: { input: AskInput; encoded: Hex | undefined; seed: Hex; format: OutputFormat }
): Request {
  const { input, encoded, seed, format } = asking
  if (target.client !== undefined) {
    return pictureRequest(target.client, input, seed)
  }
  const data =
    input.kind === 'location' || encoded === undefined
      ? encodeRunFromLocation(task, input.kind === 'location' ? input.location : '', seed)
      : encodeRun(task, { input: encoded, seed, format })
  return { to: target.model, data }
}

function pictureRequest(client: Address, input: AskInput, seed: Hex): Request {
  const data =
    input.kind === 'content'
      ? encodeCall(exampleClientAbi, 'ask', [toHex(input.bytes), seed])
      : encodeCall(exampleClientAbi, 'askFromLocation', [input.location, seed])
  return { to: client, data }
}

/** The transaction that moves in a game of the TicTacToe contract, or begins one: player one's move asks the model. */
export function gameRequest(
  contract: Address,
  [x, y]: readonly [bigint, bigint],
  game: bigint | undefined
): Request {
  const data =
    game === undefined
      ? encodeCall(ticTacToeAbi, 'start', [x, y])
      : encodeCall(ticTacToeAbi, 'move', [game, x, y])
  return { to: contract, data }
}

export interface AskOptions {
  /** Told the transaction's hash once the endpoint has taken it. */
  onSent?: (txHash: Hex) => void
  /** How long a block may take to hold it. Default: for ever. */
  timeoutMs?: number
}

/** Asks for the text in a picture, through the ExampleClient. Throws as `sendRequest`. */
export function ask(
  target: AskTarget & { client: Address },
  input: AskInput,
  seed: Hex,
  signer: Signer,
  options: AskOptions = {}
): Promise<Asked> {
  return sendRequest(pictureRequest(target.client, input, seed), target, signer, options)
}

/** Sends one request and waits until it is mined. Throws AccountError, ChainUnavailableError, TimeoutError. */
export async function sendRequest(
  request: Request,
  { oracle, model, client }: AskTarget,
  signer: Signer,
  { onSent, timeoutMs }: AskOptions = {}
): Promise<Asked> {
  try {
    const value = await typedContract(model, modelAbi, signer).read('price', [])
    const sent = await signer.sendTransaction({ ...request, value })
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
    return {
      jobId: created.jobId,
      txHash: sent.hash as Hex,
      payment: created.payment,
      callbackId: remembered?.callbackId
    }
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
export function explain(err: unknown, account: string): unknown {
  if (isError(err, 'INSUFFICIENT_FUNDS')) {
    return new AccountError(
      `The account ${account} cannot pay for the transaction and what goes with it: send it ether`,
      { cause: err }
    )
  }
  if (isError(err, 'TIMEOUT')) {
    return new TimeoutError(
      'The transaction was sent, and no block held it in time: look for it with a block explorer, or give it more time with --timeout',
      { cause: err }
    )
  }
  if (isCallException(err)) {
    const name = revertName(err) ?? err.reason ?? 'no reason given'
    return new AccountError(`The contract refused the request: ${name}`, { cause: err })
  }
  return err
}

function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`
}
