import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
// By its file, here and in the other modules: graphql-http loads this one, a bundler may take `index.mjs` for the bare name,
// and graphql refuses a schema that was made by another copy of itself.
import { type ExecutionResult, GraphQLError, type GraphQLSchema, Kind, parse } from 'graphql/index.js'
import { createHandler } from 'graphql-http'
import { ListenError } from '../../../src/interface/errors.js'
import type { Logger } from '../../../src/interface/logger.js'
import type { Startable } from '../../../src/interface/startable.js'
import type { IndexerState } from './indexer.js'

export interface QueryServer extends Startable {
  /** Throws before `start`. */
  readonly url: string
}

export interface QueryServerInit {
  schema: GraphQLSchema
  state: IndexerState
  deployment: string
  /** 0: any free port. */
  port: number
  logger: Logger
}

/** The path of the subgraph, as graph-node would serve it under the name `buffalo`. */
const namePath = '/subgraphs/name/buffalo'
/** A page's query has under 1 KB; a query that names 1,000 ids has 70 KB. */
const maxRequestBytes = 256 * 1024

/** Answers GraphQL over HTTP POST on the loopback interface, as graph-node does. */
export function createQueryServer({ schema, state, deployment, port, logger }: QueryServerInit): QueryServer {
  const handle = createHandler({
    schema,
    onOperation: (_request, args, result) => likeGraphNode(args, result)
  })
  let server: ReturnType<typeof createServer> | undefined
  let url: string | undefined

  function likeGraphNode(args: { document: ReturnType<typeof parse> }, result: unknown): ExecutionResult {
    const { data, errors } = result as ExecutionResult
    // graph-node answers with errors alone, without what else was asked for.
    if (errors !== undefined && errors.length > 0) {
      return { errors: errors.map(error => new GraphQLError(error.message)) }
    }
    const names = Object.keys(data ?? {})
    if (state.failure() === undefined || names.every(name => name === '_meta')) return { data }
    const indexingError = new GraphQLError('indexing_error')
    if (allowsErrors(args.document)) return { data, errors: [indexingError] }
    return { data: data?._meta === undefined ? null : { _meta: data._meta }, errors: [indexingError] }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('access-control-allow-origin', '*')
    if (request.url !== namePath && request.url !== `/subgraphs/id/${deployment}`) {
      return end(response, 404, { errors: [{ message: `no subgraph here: POST to ${namePath}` }] })
    }
    if (request.method === 'OPTIONS') {
      response.setHeader('access-control-allow-headers', 'content-type')
      response.setHeader('access-control-allow-methods', 'POST, OPTIONS')
      response.writeHead(204).end()
      return
    }
    const body = await readBody(request)
    if (body === undefined) {
      response.setHeader('connection', 'close')
      return end(response, 413, { errors: [{ message: `a query may have ${maxRequestBytes} bytes` }] })
    }
    const [text, init] = await handle({
      method: request.method ?? 'POST',
      url: request.url,
      // With this type errors, too, have the status 200, as graph-node's have.
      headers: { 'content-type': request.headers['content-type'], accept: 'application/json' },
      body,
      raw: request,
      context: undefined
    })
    response.writeHead(init.status, init.statusText, init.headers).end(text)
  }

  return {
    get url() {
      if (url === undefined) throw new ListenError('The subgraph runner has no address yet: start it first')
      return url
    },
    async start() {
      if (server !== undefined) return
      const starting = createServer((request, response) => {
        answer(request, response).catch((error: unknown) => {
          logger.warn({ err: error }, 'a query could not be answered')
          if (response.headersSent) response.destroy()
          else end(response, 500, { errors: [{ message: 'internal error' }] })
        })
      })
      await new Promise<void>((resolve, reject) => {
        starting.once('error', error =>
          reject(
            new ListenError(
              `The subgraph cannot listen on port ${port} (${error.message}): stop the program that listens there, or choose another with --subgraph-port`,
              { cause: error }
            )
          )
        )
        starting.listen(port, '127.0.0.1', resolve)
      })
      server = starting
      url = `http://127.0.0.1:${(starting.address() as AddressInfo).port}${namePath}`
    },
    async stop() {
      const stopping = server
      server = undefined
      if (stopping === undefined) return
      await new Promise<void>(resolve => {
        stopping.close(() => resolve())
        stopping.closeAllConnections()
      })
    }
  }
}

function end(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Undefined where the body is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > maxRequestBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Whether any field of the query says `subgraphError: allow`. */
function allowsErrors(document: ReturnType<typeof parse>): boolean {
  return document.definitions.some(
    definition =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.selectionSet.selections.some(
        selection =>
          selection.kind === Kind.FIELD &&
          selection.arguments?.some(
            ({ name, value }) =>
              name.value === 'subgraphError' && value.kind === Kind.ENUM && value.value === 'allow'
          )
      )
  )
}
