import { ClientError, GraphQLClient } from 'graphql-request'
import { z } from 'zod'
import type { Anchor } from '../db/repositories/cursor.js'
import type { Hex } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import { SubgraphUnavailableError } from '../interface/errors.js'
import {
  jobAnchorsDocument,
  jobPageDocument,
  metaDocument,
  resultAnchorsDocument,
  resultPageDocument
} from './documents.js'
import { limitedFetch } from './limited-fetch.js'
import {
  anchorRow,
  type JobRow,
  jobIdSizeBytes,
  jobRow,
  metaRow,
  type ResultRow,
  resultIdSizeBytes,
  resultRow
} from './rows.js'

/** How far the subgraph is. */
export interface SubgraphHead {
  blockNumber: number
  /** Whether its mapping failed somewhere: from there on, entities may be missing. */
  hasIndexingErrors: boolean
}

export interface Page<Row> {
  head: SubgraphHead
  /** The entity that the page follows, as the subgraph has it now; undefined where it has none. */
  anchor: Anchor | undefined
  /** Ascending by id. */
  rows: Row[]
}

/** Entities of one kind, whose ids sort in order of creation. All throw SubgraphUnavailableError. */
export interface EntitySource<Row> {
  /** The first entities after the id; all from the start where it is undefined. All parts are of one block. */
  page(request: { after: Hex | undefined; first: number }, signal: AbortSignal): Promise<Page<Row>>
  /** Those of the entities that the subgraph has now. */
  anchors(ids: Hex[], signal: AbortSignal): Promise<{ head: SubgraphHead; anchors: Anchor[] }>
}

export interface SubgraphClient {
  jobs: EntitySource<JobRow>
  results: EntitySource<ResultRow>
  /** Throws SubgraphUnavailableError. */
  head(signal: AbortSignal): Promise<SubgraphHead>
}

export interface SubgraphClientInit {
  /** The subgraph's query endpoint. It may hold a key, so no message shows more than its origin. */
  url: string
  /** Of one request. Default 10,000. */
  timeoutMs?: number
  /** A page of 1,000 results has about 700 KB. Default 8 MB. */
  maxResponseBytes?: number
}

interface SourceInit<Row> {
  idSizeBytes: number
  row: z.ZodType<Row>
  pageDocument: string
  anchorsDocument: string
}

/** Reads a subgraph of graph-node. Every answer is checked before it is believed. */
export function subgraphClient(init: SubgraphClientInit): (components: { clock: Clock }) => SubgraphClient {
  const { url, timeoutMs = 10_000, maxResponseBytes = 8 * 1024 * 1024 } = init
  return ({ clock }) => {
    const client = new GraphQLClient(url, { fetch: limitedFetch(maxResponseBytes), errorPolicy: 'all' })

    async function request<T>(
      schema: z.ZodType<T>,
      document: string,
      variables: object,
      signal: AbortSignal
    ): Promise<T> {
      signal.throwIfAborted()
      const timeout = new AbortController()
      const timer = clock.schedule(timeoutMs, () =>
        timeout.abort(new Error(`it did not answer within ${timeoutMs} ms`))
      )
      try {
        const { data, errors } = await client.rawRequest({
          query: document,
          variables: { ...variables },
          signal: AbortSignal.any([signal, timeout.signal])
        })
        // graph-node says this beside the data that `subgraphError: allow` asked for; `_meta` says it, too.
        const refusal = errors?.find(error => error.message !== 'indexing_error')
        if (refusal !== undefined) throw new Error(refusal.message)
        const parsed = schema.safeParse(data)
        if (!parsed.success) throw new Error(`its answer is malformed: ${firstIssue(parsed.error)}`)
        return parsed.data
      } catch (err) {
        signal.throwIfAborted()
        const reason = timeout.signal.aborted ? timeout.signal.reason : err
        throw new SubgraphUnavailableError(
          `The subgraph at ${new URL(url).origin} cannot be read: ${describe(reason)}. Check that it is up and that its URL is right`,
          { cause: reason instanceof ClientError ? undefined : reason }
        )
      } finally {
        timer.cancel()
      }
    }

    function source<Row>({
      idSizeBytes,
      row,
      pageDocument,
      anchorsDocument
    }: SourceInit<Row>): EntitySource<Row> {
      // No entity has it: the Oracle counts from 1, and block 0 holds no log.
      const zeroId: Hex = `0x${'00'.repeat(idSizeBytes)}`
      const anchor = anchorRow(idSizeBytes)
      return {
        async page({ after = zeroId, first }, signal) {
          const schema = z.object({
            _meta: metaRow,
            anchor: anchor.nullable(),
            rows: z.array(row).max(first)
          })
          const answer = await request(schema, pageDocument, { after, anchor: after, first }, signal)
          return { head: headOf(answer._meta), anchor: answer.anchor ?? undefined, rows: answer.rows }
        },
        async anchors(ids, signal) {
          const first = Math.max(1, ids.length)
          const schema = z.object({ _meta: metaRow, anchors: z.array(anchor).max(first) })
          const answer = await request(schema, anchorsDocument, { ids, first }, signal)
          return { head: headOf(answer._meta), anchors: answer.anchors }
        }
      }
    }

    return {
      jobs: source({
        idSizeBytes: jobIdSizeBytes,
        row: jobRow,
        pageDocument: jobPageDocument,
        anchorsDocument: jobAnchorsDocument
      }),
      results: source({
        idSizeBytes: resultIdSizeBytes,
        row: resultRow,
        pageDocument: resultPageDocument,
        anchorsDocument: resultAnchorsDocument
      }),
      async head(signal) {
        return headOf((await request(z.object({ _meta: metaRow }), metaDocument, {}, signal))._meta)
      }
    }
  }
}

function headOf({ block, hasIndexingErrors }: z.infer<typeof metaRow>): SubgraphHead {
  return { blockNumber: block.number, hasIndexingErrors }
}

/** A ClientError's own message holds the whole request and answer. */
function describe(reason: unknown): string {
  if (reason instanceof ClientError) {
    const [first] = reason.response.errors ?? []
    return (first?.message ?? `HTTP status ${reason.response.status}`).slice(0, 300)
  }
  if (!(reason instanceof Error)) return String(reason)
  const { cause } = reason
  return (cause instanceof Error && cause.message !== '' ? cause.message : reason.message).slice(0, 300)
}

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues
  return issue === undefined ? 'unknown' : `${issue.path.join('.')}: ${issue.message}`
}
