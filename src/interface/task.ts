import type { ZodType } from 'zod'
import type { Hex } from './bytes.js'
import type { ModelCategory } from './job.js'

/** What a side of a task carries. */
export type DataType = 'text' | 'image' | 'audio' | 'tensor' | 'game'

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
}

/** One file of a model. */
export interface ManifestFile {
  /** Relative to the manifest, or `npm:<package>/<path>`. No `..`. */
  path: string
  /** CIDv1, raw, SHA-256, of the whole file. */
  cid: string
  sizeBytes: number
}

/** A case that a model must pass before a worker offers it. */
export interface TestVector {
  /** File, relative to the manifest. */
  input: string
  seed: Hex
  /** What the output must equal, as text for text outputs. */
  expected: string
}

/** The JSON document that names a model. Its CID is the model's identity. */
export interface Manifest {
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
  files: Record<string, ManifestFile>
  settings: Record<string, unknown>
  testVectors: TestVector[]
}

/** A model in memory. */
export interface LoadedModel<I, O> {
  /** `seed`: the client's bytes, in full; every random number comes from them. */
  run(input: I, seed: Uint8Array): Promise<O>
  close(): Promise<void>
}

/** Code that runs one family of models of a task. One file in the task's folder. */
export interface Architecture<I, O> {
  name: string
  /** Throws ManifestError where settings or files are not what the architecture needs. */
  load(manifest: Manifest, files: ModelFiles): Promise<LoadedModel<I, O>>
}

/** The verified files of a manifest, by their names in it. */
export interface ModelFiles {
  /** Absolute path of the file, whose hash has been checked. Throws ManifestError for a name that the manifest lacks. */
  path(name: string): string
}
