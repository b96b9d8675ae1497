import { AbiCoder, Interface, ParamType } from 'ethers'
import type { AnyTask } from '../../models/index.js'
import { ConfigError, type Hex, OutputFormat } from '../../src/interface/index.js'
import { readArtifact } from '../artifacts.js'

/** Names no function: an account without code takes every callback. */
export const noFunction = '0x00000000'

/** What is asked of a model contract. */
export interface TaskCall {
  /** The input as the task's codec encodes it. */
  input: Hex
  seed: Hex
  format: OutputFormat
}

/**
 * The calldata of `run` of a task's contract. Its parameters are the task's input, in the order of the codec's ABI, and
 * by their names `callbackId`, `callbackFunction`, `seed` and `format`. So a new task is asked like all others once its
 * contract follows this convention, which test/unit/node/task-call.test.ts holds for all tasks. Throws ConfigError.
 */
export function encodeRun(task: AnyTask, { input, seed, format }: TaskCall): Hex {
  const contract = new Interface(readArtifact(task.contract).abi)
  const run = contract.getFunction('run')
  const inputs = inputTypes(task)
  const values = AbiCoder.defaultAbiCoder().decode(inputs, input).toArray()
  const settings: Record<string, unknown> = {
    callbackId: 0n,
    callbackFunction: noFunction,
    seed,
    format
  }
  const names = run?.inputs.map(({ name }) => name) ?? []
  const others = names.filter(name => !(name in settings))
  if (run === null || others.length !== inputs.length) {
    throw new ConfigError(
      `The contract ${task.contract} cannot be asked from the command line: its run() does not take the input ${task.input.abi}, callbackId, callbackFunction and seed`
    )
  }
  if (format !== OutputFormat.Raw && !names.includes('format')) {
    throw new ConfigError(`--format (flag): ${task.name} has one format only, raw`)
  }
  return contract.encodeFunctionData(
    run,
    names.map(name => (name in settings ? settings[name] : values.shift()))
  ) as Hex
}

/** The calldata of `runFromLocation`, where the contract has it. Throws ConfigError. */
export function encodeRunFromLocation(task: AnyTask, location: string, seed: Hex): Hex {
  const contract = new Interface(readArtifact(task.contract).abi)
  if (!contract.hasFunction('runFromLocation')) {
    throw new ConfigError(`--input (flag): ${task.name} takes no location: give it what lies there`)
  }
  return contract.encodeFunctionData('runFromLocation', [location, 0n, noFunction, seed]) as Hex
}

/** `(string text, bytes image)` as its types. */
function inputTypes(task: AnyTask): ParamType[] {
  return [...(ParamType.from(`tuple${task.input.abi}`).components ?? [])]
}
