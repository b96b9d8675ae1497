import {
  type DocumentNode,
  type FieldNode,
  GraphQLError,
  Kind,
  parse,
  print,
  type SelectionNode,
  type SelectionSetNode
} from 'graphql'
import { FailureCode, type Hex, JobFailedError } from '../../interface/index.js'
import { limitedFetch } from '../../subgraph/limited-fetch.js'
import { TransientError } from '../https.js'
import { decodeLocation, type ResolveInput } from './location.js'

export interface TheGraphInit {
  /** The subgraph's query endpoint. */
  url: string
  /** Of an answer. */
  maxBytes: number
  timeoutMs: number
}

/** A query of 2,048 characters has fewer. */
const maxTokens = 1_000

/**
 * Inputs from the subgraph: `abi.encode(string query)`. The query is answered as of the job's block, so that every worker is
 * given the same; the input is the JSON of the answer's `data`.
 * Throws TransientError while the subgraph does not answer, or has not come to the block.
 */
export function theGraphInput({ url, maxBytes, timeoutMs }: TheGraphInit): ResolveInput {
  const fetchLimited = limitedFetch(maxBytes)

  async function ask(query: string, signal: AbortSignal): Promise<{ data?: unknown; errors?: unknown }> {
    try {
      const response = await fetchLimited(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ query }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      })
      const answer: unknown = await response.json()
      if (typeof answer !== 'object' || answer === null) throw new TypeError(`it answers ${response.status}`)
      return answer
    } catch (err) {
      signal.throwIfAborted()
      if (err instanceof RangeError) {
        throw new JobFailedError(FailureCode.InputTooLarge, `The answer has more than ${maxBytes} bytes`)
      }
      throw new TransientError(`the subgraph does not answer: ${String(err)}`, { cause: err })
    }
  }

  return async ({ blockHash }, input, signal) => {
    const { data, errors } = await ask(pinToBlock(decodeLocation(input), blockHash), signal)
    const [error] = Array.isArray(errors) ? errors.map(messageOf) : []
    if (error !== undefined) {
      if (isBehind(error)) throw new TransientError(`the subgraph: ${error}`)
      throw new JobFailedError(FailureCode.InvalidInput, `The subgraph refuses the query: ${error}`)
    }
    if (typeof data !== 'object' || data === null)
      throw new TransientError('the subgraph answers without data')
    return { encoding: 'content', bytes: new TextEncoder().encode(JSON.stringify(data)) }
  }
}

/** The words of graph-node for a block that it has not come to, or has not come to yet, and for trouble of its own. */
function isBehind(message: string): boolean {
  return /no block with that hash|has only indexed up to|not started syncing|indexing_error|timed? ?out|store error/iu.test(
    message
  )
}

function messageOf(error: unknown): string {
  const message: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'message') : error
  return String(message).slice(0, 300)
}

/** The query with each of its root fields answered as of the block. Throws JobFailedError(InvalidInput). */
export function pinToBlock(query: string, blockHash: Hex): string {
  let document: DocumentNode
  try {
    document = parse(query, { maxTokens, noLocation: true })
  } catch (err) {
    const reason = err instanceof GraphQLError ? err.message : String(err)
    throw new JobFailedError(FailureCode.InvalidInput, `The input is no GraphQL query: ${reason}`)
  }
  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)
  const [operation] = operations
  if (
    operations.length !== 1 ||
    operation?.kind !== Kind.OPERATION_DEFINITION ||
    operation.operation !== 'query' ||
    (operation.variableDefinitions ?? []).length > 0
  ) {
    throw new JobFailedError(
      FailureCode.InvalidInput,
      'The input must be one GraphQL query without variables'
    )
  }
  const pin = (set: SelectionSetNode): SelectionSetNode => ({
    ...set,
    selections: set.selections.map((selection): SelectionNode => {
      switch (selection.kind) {
        case Kind.FIELD:
          return pinField(selection, blockHash)
        case Kind.INLINE_FRAGMENT:
          return { ...selection, selectionSet: pin(selection.selectionSet) }
        default:
          return selection
      }
    })
  })
  return print({
    ...document,
    definitions: document.definitions.map(definition => {
      if (definition === operation) return { ...operation, selectionSet: pin(operation.selectionSet) }
      // Of a fragment, only one on the root type has root fields.
      return definition.kind === Kind.FRAGMENT_DEFINITION && definition.typeCondition.name.value === 'Query'
        ? { ...definition, selectionSet: pin(definition.selectionSet) }
        : definition
    })
  })
}

function pinField(field: FieldNode, blockHash: Hex): FieldNode {
  if (field.name.value.startsWith('__')) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The query must not ask for the schema')
  }
  return {
    ...field,
    arguments: [
      ...(field.arguments ?? []).filter(({ name }) => name.value !== 'block'),
      {
        kind: Kind.ARGUMENT,
        name: { kind: Kind.NAME, value: 'block' },
        value: {
          kind: Kind.OBJECT,
          fields: [
            {
              kind: Kind.OBJECT_FIELD,
              name: { kind: Kind.NAME, value: 'hash' },
              value: { kind: Kind.STRING, value: blockHash }
            }
          ]
        }
      }
    ]
  }
}
