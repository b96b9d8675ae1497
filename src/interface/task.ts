import type { ZodType } from 'zod'
import type { Address, Hex } from './bytes.js'
import type { ModelCategory } from './job.js'

/** What a side of a task carries. `labels`: names with scores; `none`: nothing at all. */
export type DataType = 'none' | 'text' | 'image' | 'text+image' | 'audio' | 'tensor' | 'labels' | 'game'

/** One side of a task: a validated value and its ABI encoding on chain. */
export interface Codec<T> {
  type: DataType
  /** Checks a decoded value, limits included. */
  schema: ZodType<T>
  /** The Solidity types, for people: `(bytes image)`. */
  abi: string
  encode(value: T): Hex
  /** Throws JobFailedError(InvalidInput) where the bytes are not this encoding. */
  decode(bytes: Uint8Array): T
  /** The value from the bytes of a file (what lies at a location, or what a command line is given). */
  fromContent(bytes: Uint8Array): T
  /** The value as a file. */
  toContent(value: T): { bytes: Uint8Array; mediaType: string }
}

/** An API: the input and output format that all of its models share. Named with Hugging Face's task names. */
export interface Task<I, O> {
  name: string
  /** Other names it is found by: the original's. */
  aliases: string[]
  category: ModelCategory
  /** The contract whose `run` asks for it. */
  contract: string
  input: Codec<I>
  output: Codec<O>
  /**
   * What a model must know of the chain's state. The node makes the calls at the job's block and gives the answers, in
   * this order, to the run as `RunContext.reads`. `manifest`: of the model, whose settings may say what to ask.
   */
  reads?(input: I, manifest: Manifest): ContractRead[]
}

/** One `eth_call`. */
export interface ContractRead {
  to: Address
  /** Calldata: the selector and the encoded arguments. */
  data: Hex
}

/** One file of a model. */
export interface ManifestFile {
  /** Relative to the manifest, or `npm:<package>/<path>`. No `..`. */
  path: string
  /**
   * CIDv1, SHA-256: that of `cidOfFile` (a UnixFS tree for what is above 1 MiB), by which it can be fetched from peers; or
   * raw of the whole file, whatever its size.
   */
  cid: string
  sizeBytes: number
}

/** A case that a model must pass before a worker offers it. */
export interface TestVector {
  /** File, relative to the manifest. */
  input: string
  seed: Hex
  /** The answers to `Task.reads`, ABI-encoded. */
  reads?: Hex[] | undefined
  /**
   * What the output must equal: the text of a text, the CID (raw, SHA-256) of everything else as a file; or a file that it
   * may differ from by the tolerance, for results that depend on the processor.
   */
  expected: string | { file: string; tolerance: number }
}

/** The JSON document that names a model: models/manifest.schema.json. Its CID is the model's identity. */
export interface Manifest {
  $schema?: string | undefined
  name: string
  task: string
  architecture: string
  licence: string
  description: string
  runtime: {
    kind: 'native' | 'canonical'
    threads: number
    optimisation: 'disabled' | 'basic' | 'extended' | 'all'
  }
  /** All that travels with the model, test vectors included. */
  files: Record<string, ManifestFile>
  settings: Record<string, unknown>
  testVectors: TestVector[]
}

/** What a run is given besides input and seed. */
export interface RunContext {
  /** The ABI-encoded answers to `Task.reads`; empty for a task without reads. */
  reads?: Uint8Array[] | undefined
}

/** A model in memory. */
export interface LoadedModel<I, O> {
  /**
   * `seed`: the client's bytes, in full; every random number comes from them. Throws JobFailedError for what is the
   * input's fault; anything else that it throws counts as a fault of the model. A run that is cancelled, or takes too much time
   * or memory, is killed with its process at any point: nothing calls `close` then, so a model keeps nothing outside its process.
   */
  run(input: I, seed: Uint8Array, context?: RunContext): Promise<O>
  close(): Promise<void>
}

/** Code that runs one family of models of a task. One file in the task's folder. */
export interface Architecture<I, O> {
  name: string
  /** Whether the answers of such a model depend on the seed. Left out: they do not. */
  usesSeed?(manifest: Manifest): boolean
  /** Throws ManifestError where settings or files are not what the architecture needs. */
  load(manifest: Manifest, files: ModelFiles): Promise<LoadedModel<I, O>>
}

/** The verified files of a manifest, by their names in it. */
export interface ModelFiles {
  /** Absolute path of the file, whose hash has been checked. Throws ManifestError for a name that the manifest lacks. */
  path(name: string): string
}
