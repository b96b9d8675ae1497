import type { Address, Hex, JobKey } from './bytes.js'

/** DataTypes.ModelCategory of the contracts. Part of the wire format: append, never reorder. */
export const ModelCategory = {
  TextConditionalImageGeneration: 0,
  UnconditionalImageGeneration: 1,
  PromptConditionedTextGeneration: 2,
  RLAgent: 3,
  TextImageJointEmbedding: 4,
  ImageToText: 5,
  TensorInference: 6,
  AudioClassification: 7,
  TextClassification: 8,
  FeatureExtraction: 9,
  ImageClassification: 10,
  SpeechRecognition: 11
} as const
export type ModelCategory = (typeof ModelCategory)[keyof typeof ModelCategory]

/** DataTypes.InputDataLocationType and OutputDataLocationType (which has no HTTPS). */
export const DataLocation = { Arweave: 0, TheGraph: 1, OnChain: 2, IPFS: 3, HTTPS: 4 } as const
export type DataLocation = (typeof DataLocation)[keyof typeof DataLocation]

/** DataTypes.OutputDataFormat */
export const OutputFormat = { Raw: 0, NFTMeta: 1 } as const
export type OutputFormat = (typeof OutputFormat)[keyof typeof OutputFormat]

/** IOracle.JobStatus */
export const JobStatus = { None: 0, Open: 1, Succeeded: 2, Failed: 3 } as const
export type JobStatus = (typeof JobStatus)[keyof typeof JobStatus]

/** Where a job's `JobCreated` log lies on chain. Enough to name the job and to check it, and all that is gossiped. */
export interface JobReference {
  key: JobKey
  /** The Oracle's counter, from 1. */
  jobId: bigint
  blockNumber: number
  blockHash: Hex
  txHash: Hex
  /** Index of the log in its block. */
  logIndex: number
  /** keccak256 of the log's data field. */
  dataHash: Hex
}

/** One paid inference request, as the chain holds it. */
export interface Job extends JobReference {
  /** The model contract that started the job. */
  model: Address
  /** Who is called back. */
  client: Address
  /** A ModelCategory; a number that this version does not know is kept as it is. */
  category: number
  seed: Hex
  /** Location of the model's manifest: `ipfs://<cid>`. */
  manifestLocation: string
  inputLocation: number
  /** ABI-encoded by the task's codec where `inputLocation` is OnChain, else `abi.encode(string location)`. */
  input: Hex
  outputLocation: number
  outputFormat: number
  createdAtMs: number
  deadlineMs: number
  /** How many independent results the client paid for. 1 today. */
  redundancy: number
  /** Binds a submission to this very request; equal for a request that a reorg mined again. */
  requestHash: Hex
}
