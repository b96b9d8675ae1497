import { InvalidMessageError } from '../../interface/index.js'

/** Why a message was rejected: its author or relay broke a rule that holds at every time and on every node. */
export type RejectReason = 'oversize' | 'envelope' | 'signature' | 'schema' | 'value'
/** Why a message was ignored: it may be honest, but is of no use here and now. */
export type IgnoreReason =
  | 'rate'
  | 'unproven'
  | 'early'
  | 'late'
  | 'expired'
  | 'unknown-job'
  | 'own'
  | 'shunned'
  | 'stopped'

/** The message breaks a rule: not delivered, not forwarded, and the peer that sent it is penalised. */
export class RejectError extends InvalidMessageError {
  readonly reason: RejectReason

  constructor(reason: RejectReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/**
 * The message is one too many of this peer: not delivered, not forwarded, and the peer is penalised, but nobody else. Others
 * may have had few of it, and pass this very message on as they should: rejected, it would be held against them too.
 */
export class FloodError extends InvalidMessageError {}

/** The message is not wanted now: not delivered, not forwarded, and nobody is penalised. */
export class IgnoreError extends InvalidMessageError {
  readonly reason: IgnoreReason

  constructor(reason: IgnoreReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
