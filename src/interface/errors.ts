/**
 * The errors of Buffalo. Each has a stable code; `docs/errors.md` says what each means and what to do,
 * and a test compares the two both ways.
 */

/** Base of every error that Buffalo throws on purpose. The message says what to do. */
export class BuffaloError extends Error {
  /** Stable, `BUFFALO_ERR_*`. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** A flag, environment variable or file holds a value that cannot be used. Names the field. */
export class ConfigError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_CONFIG', message, options)
  }
}

/** The data directory is in use by another process. */
export class DatabaseLockedError extends BuffaloError {
  constructor(path: string, options?: ErrorOptions) {
    super(
      'BUFFALO_ERR_DATABASE_LOCKED',
      `The data directory ${path} is in use by another process: stop that process, or choose another with --data-dir`,
      options
    )
  }
}

/** A stored record could not be read back. */
export class DatabaseCorruptError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_DATABASE_CORRUPT', message, options)
  }
}

/** The database was written by a newer version of the program, whose layout this one does not know. */
export class DatabaseVersionError extends BuffaloError {
  constructor(path: string, found: number, known: number, options?: ErrorOptions) {
    super(
      'BUFFALO_ERR_DATABASE_VERSION',
      `The database at ${path} has layout ${found}, and this version knows layouts up to ${known}: upgrade buffalo-node, or choose another --data-dir`,
      options
    )
  }
}

/** The disk does not take what must be written. Nothing of the batch counts; the caller may try again. */
export class DatabaseWriteError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_DATABASE_WRITE', message, options)
  }
}

/** The identity file cannot be read, or is not an Ed25519 key. */
export class IdentityError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_IDENTITY', message, options)
  }
}

/** The node cannot listen on the address it was given. */
export class ListenError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_LISTEN', message, options)
  }
}

/** The RPC endpoint serves another chain, or holds no Buffalo contract at the address. */
export class WrongChainError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_WRONG_CHAIN', message, options)
  }
}

/** The chain's RPC endpoint does not answer, or answers with an error. Retried with back-off. */
export class ChainUnavailableError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_CHAIN_UNAVAILABLE', message, options)
  }
}

/** The subgraph does not answer, or answers with what it must not. Retried with back-off. */
export class SubgraphUnavailableError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_SUBGRAPH_UNAVAILABLE', message, options)
  }
}

/** The account cannot do what is asked: not registered, no funds, or a key that is not one. */
export class AccountError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_ACCOUNT', message, options)
  }
}

/** A message of a peer breaks a rule of the protocol. */
export class InvalidMessageError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_INVALID_MESSAGE', message, options)
  }
}

/** The node cannot publish: its gossip is stopped, or more waits to be sent than the network takes. */
export class GossipError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_GOSSIP', message, options)
  }
}

/** A model manifest breaks its schema, or names files that are missing or differ from their hash. */
export class ManifestError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_MANIFEST', message, options)
  }
}

/** What was asked for does not exist. */
export class NotFoundError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_NOT_FOUND', message, options)
  }
}

/** Content cannot be had or kept now: nobody who is reached sends it, or the disk has no room. Others may do better. */
export class ContentUnavailableError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_CONTENT_UNAVAILABLE', message, options)
  }
}

/** Content that no one can use: its name is no CID, its blocks are malformed, or it is larger than allowed. */
export class ContentInvalidError extends BuffaloError {
  /** Whether it is its size alone. */
  readonly isTooLarge: boolean

  constructor(message: string, options?: ErrorOptions & { isTooLarge?: boolean }) {
    super('BUFFALO_ERR_CONTENT_INVALID', message, options)
    this.isTooLarge = options?.isTooLarge ?? false
  }
}

/** An operation did not end in the time it was given. */
export class TimeoutError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_TIMEOUT', message, options)
  }
}

/** A person or the system ended the program before it was done. */
export class InterruptedError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_INTERRUPTED', message, options)
  }
}

/** A child process of the local network or of the executor ended when it should not have. */
export class ProcessError extends BuffaloError {
  constructor(message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_PROCESS', message, options)
  }
}

/** A job that cannot be done, whoever tries: it ends on chain with `failureCode` and the message as its reason. */
export class JobFailedError extends BuffaloError {
  readonly failureCode: FailureCode

  constructor(failureCode: FailureCode, message: string, options?: ErrorOptions) {
    super('BUFFALO_ERR_JOB_FAILED', message, options)
    this.failureCode = failureCode
  }
}

/** Why a job failed, as written on chain (`JobFailed.code`). Part of the wire format: append, never reorder. */
export const FailureCode = {
  InvalidInput: 1,
  InputTooLarge: 2,
  UnknownTask: 3,
  UnknownModel: 4,
  InputUnavailable: 5,
  ModelFailed: 6,
  Timeout: 7,
  OutOfMemory: 8,
  OutputTooLarge: 9,
  Unsupported: 10
} as const
export type FailureCode = (typeof FailureCode)[keyof typeof FailureCode]

/** The name of a failure code, for people: `InvalidInput`; `Unknown(99)` for one that this version does not know. */
export function failureName(code: number): string {
  return Object.entries(FailureCode).find(([, value]) => value === code)?.[0] ?? `Unknown(${code})`
}
