/**
 * A thin layer over ethers that takes the types of arguments, results and events from an `as const` ABI (src/chain/abi).
 *
 * Values are those of abitype: integers of up to 48 bits are numbers and wider ones bigints; bytes and addresses are `0x…`
 * strings; tuples are objects by name. What the chain calls a string need not be UTF-8 (a hostile contract decides):
 * bytes that are not become U+FFFD instead of an error.
 */
import type {
  Abi,
  AbiParameter,
  AbiParametersToPrimitiveTypes,
  AbiParameterToPrimitiveType,
  ExtractAbiEvent,
  ExtractAbiEventNames,
  ExtractAbiFunction,
  ExtractAbiFunctionNames
} from 'abitype'
import {
  AbiCoder,
  type ContractRunner,
  getBytes,
  Interface,
  isCallException,
  ParamType,
  type TransactionRequest,
  type TransactionResponse
} from 'ethers'
import type { Address, Hex } from '../interface/index.js'
import { errorsAbi } from './abi/errors.js'

export type FunctionName<A extends Abi> = ExtractAbiFunctionNames<A>
/** The names of the functions that change state. */
export type WriteName<A extends Abi> = ExtractAbiFunctionNames<A, 'nonpayable' | 'payable'>
export type FunctionArgs<A extends Abi, N extends FunctionName<A>> = AbiParametersToPrimitiveTypes<
  ExtractAbiFunction<A, N>['inputs'],
  'inputs'
>
/** One output as it is, several as an object by name, none as undefined. */
export type FunctionResult<A extends Abi, N extends FunctionName<A>> = Output<
  ExtractAbiFunction<A, N>['outputs']
>
export type EventName<A extends Abi> = ExtractAbiEventNames<A>
/** The arguments of an event, indexed or not, by name. */
export type EventArgs<A extends Abi, N extends EventName<A>> = ByName<ExtractAbiEvent<A, N>['inputs']>

type Output<P extends readonly AbiParameter[]> = P extends readonly []
  ? undefined
  : P extends readonly [infer Only extends AbiParameter]
    ? AbiParameterToPrimitiveType<Only, 'outputs'>
    : ByName<P>
type ByName<P extends readonly AbiParameter[]> = {
  [I in Extract<keyof P, `${number}`> as P[I] extends { name: infer Name extends string }
    ? Name
    : never]: P[I] extends AbiParameter ? AbiParameterToPrimitiveType<P[I], 'outputs'> : never
}

/** What may be said beside the arguments: `value`, `from`, `gasLimit`, `nonce`, `blockTag`, … */
export type CallOverrides = Omit<TransactionRequest, 'to' | 'data'>

/** A contract at an address, whose functions are called by name. */
export interface TypedContract<A extends Abi> {
  address: Address
  abi: A
  /**
   * Calls a function without a transaction; one that changes state is only simulated.
   * Throws ethers' CALL_EXCEPTION, with the custom error in `revert`, where the contract reverts.
   */
  read<N extends FunctionName<A>>(
    name: N,
    args: FunctionArgs<A, N>,
    overrides?: CallOverrides
  ): Promise<FunctionResult<A, N>>
  /** Sends a transaction; the runner must be a signer. Throws as `read` does where the gas estimate reverts. */
  write<N extends WriteName<A>>(
    name: N,
    args: FunctionArgs<A, N>,
    overrides?: CallOverrides
  ): Promise<TransactionResponse>
}

/** `runner`: a provider to read, or a signer to write too. */
export function typedContract<const A extends Abi>(
  address: Address,
  abi: A,
  runner: ContractRunner
): TypedContract<A> {
  return {
    address,
    abi,
    async read(name, args, overrides = {}) {
      if (runner.call === undefined) throw new TypeError('read() needs a runner with a provider')
      const data = encodeCall(abi, name, args)
      const returned = await runner.call({ ...overrides, to: address, data }).catch(rethrow)
      return decodeResult(abi, name, returned as Hex)
    },
    async write(name, args, overrides = {}) {
      if (runner.sendTransaction === undefined) throw new TypeError('write() needs a signer as its runner')
      const data = encodeCall(abi, name, args)
      return await runner.sendTransaction({ ...overrides, to: address, data }).catch(rethrow)
    }
  }
}

/** The data of a transaction that calls the function. */
export function encodeCall<const A extends Abi, N extends FunctionName<A>>(
  abi: A,
  name: N,
  args: FunctionArgs<A, N>
): Hex {
  return interfaceOf(abi).encodeFunctionData(name, args as readonly unknown[]) as Hex
}

/** What a call of the function returned. Throws where the bytes are not what the ABI says. */
export function decodeResult<const A extends Abi, N extends FunctionName<A>>(
  abi: A,
  name: N,
  returned: Hex
): FunctionResult<A, N> {
  const outputs = required(interfaceOf(abi).getFunction(name), name).outputs
  const values = decode(outputs, returned)
  const result =
    outputs.length > 1 ? Object.fromEntries(outputs.map((output, i) => [output.name, values[i]])) : values[0]
  return result as FunctionResult<A, N>
}

/** topic0 of the event. */
export function eventTopic<const A extends Abi>(abi: A, name: EventName<A>): Hex {
  return required(interfaceOf(abi).getEvent(name), name).topicHash as Hex
}

/**
 * The arguments of a log; undefined if it is another event's. Look at the log's address first: anyone can emit anything.
 * Throws where the log has the event's topic, but not its data. `data` of `JobCreated` is
 * `abi.encode` of the arguments that are not indexed, and `dataHash` of a job is its keccak256.
 * An indexed argument of a dynamic type is not supported: a log holds only its hash.
 */
export function parseLog<const A extends Abi, N extends EventName<A>>(
  abi: A,
  name: N,
  log: { topics: readonly string[]; data: string }
): EventArgs<A, N> | undefined {
  const event = required(interfaceOf(abi).getEvent(name), name)
  if (log.topics[0] !== event.topicHash) return undefined
  const indexed = event.inputs.filter(input => input.indexed)
  const others = event.inputs.filter(input => !input.indexed)
  const topics = `0x${log.topics
    .slice(1)
    .map(topic => topic.slice(2))
    .join('')}`
  const values = [...decode(indexed, topics), ...decode(others, log.data)]
  const args = Object.fromEntries([...indexed, ...others].map((input, i) => [input.name, values[i]]))
  return args as EventArgs<A, N>
}

/** The name of the custom error with which a contract of ours reverted; undefined for anything else. */
export function revertName(error: unknown): string | undefined {
  if (!isCallException(error)) return undefined
  return error.revert?.name ?? interfaceOf(errorsAbi).parseError(error.data ?? '0x')?.name
}

/**
 * ethers knows an error only by its bytes: this names it. The call's data is cut to its selector, because ethers puts
 * it into the message, and it may hold a picture.
 */
function rethrow(error: unknown): never {
  if (!isCallException(error) || error.data === null || error.revert !== null) throw error
  const { to, data } = error.transaction
  throw interfaceOf(errorsAbi).makeError(error.data, { to, data: data.slice(0, 10) })
}

const interfaces = new WeakMap<Abi, Interface>()

function interfaceOf(abi: Abi): Interface {
  const known = interfaces.get(abi)
  if (known !== undefined) return known
  // As JSON, because the types of the two packages differ in what is readonly.
  const made = new Interface(JSON.stringify(abi))
  interfaces.set(abi, made)
  return made
}

function required<T>(fragment: T | null, name: string): T {
  if (fragment === null) throw new TypeError(`the ABI has no ${name}`)
  return fragment
}

function decode(params: readonly ParamType[], data: string): unknown[] {
  const raw = AbiCoder.defaultAbiCoder().decode(params.map(stringsAsBytes), data)
  return params.map((param, i) => toValue(param, raw[i]))
}

/** A string has the layout of bytes; decoded as bytes, it cannot fail. */
function stringsAsBytes(param: ParamType): ParamType {
  const replace = (from: ParamType): object => ({
    ...JSON.parse(from.format('json')),
    type: from.type.replace(/^string/, 'bytes'),
    components: (from.components ?? tupleOf(from)?.components)?.map(replace)
  })
  return ParamType.from(replace(param), true)
}

/** The tuple that an array of tuples, of any depth, is made of. */
function tupleOf(param: ParamType): ParamType | undefined {
  return param.isArray() ? (tupleOf(param.arrayChildren) ?? undefined) : param.isTuple() ? param : undefined
}

function toValue(param: ParamType, value: unknown): unknown {
  if (param.isArray())
    return Array.from(value as Iterable<unknown>, item => toValue(param.arrayChildren, item))
  if (param.isTuple()) {
    const values = [...(value as Iterable<unknown>)]
    return Object.fromEntries(param.components.map((part, i) => [part.name, toValue(part, values[i])]))
  }
  if (param.type === 'string') return new TextDecoder().decode(getBytes(value as string))
  const bits = /^u?int(\d+)$/.exec(param.type)?.[1]
  return bits !== undefined && Number(bits) <= 48 ? Number(value) : value
}
