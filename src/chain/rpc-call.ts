import { ChainUnavailableError } from '../interface/errors.js'

export interface RpcCall {
  method: string
  params: unknown[]
}

/** The `error` of a JSON-RPC answer. */
export interface RpcFailure {
  code: number
  message: string
  data: unknown
}

/** What the endpoint answered to one call. A revert is an answer. */
export type RpcAnswer = { result: unknown } | { failure: RpcFailure }

/** The result of an answer. Throws ChainUnavailableError for a failure: for calls that an honest, working node always answers. */
export function resultOf(answer: RpcAnswer | undefined, what: string): unknown {
  if (answer === undefined) throw new ChainUnavailableError(`The RPC endpoint did not answer ${what}`)
  if ('failure' in answer) {
    throw new ChainUnavailableError(
      `The RPC endpoint answered ${what} with an error: ${answer.failure.message.slice(0, 200)}`
    )
  }
  return answer.result
}
