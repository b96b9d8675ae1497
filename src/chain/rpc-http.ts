import type { RpcAnswer, RpcCall } from './rpc-call.js'
import { underSignals } from './wait.js'

/** Worth another attempt: the network, a time-out, 429, 5xx, or an answer that is not JSON-RPC. */
export class TransientError extends Error {}

/** 100 receipts of full blocks stay below it; an endpoint that sends more would fill the memory. */
const MAX_RESPONSE_BYTES = 64 << 20
/** 408 Request Timeout, 425 Too Early, 429 Too Many Requests, and all of 5xx. */
const isTransientStatus = (status: number) =>
  status === 408 || status === 425 || status === 429 || status >= 500

/**
 * One HTTP request with one or more JSON-RPC calls, without retries.
 *
 * @returns one answer for each call, in order
 */
export async function post(
  url: URL,
  calls: RpcCall[],
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }
): Promise<RpcAnswer[]> {
  const payloads = calls.map((call, index) => ({ jsonrpc: '2.0', id: index + 1, ...call }))
  // One call goes without an array: some endpoints know no batches.
  const { body, status } = await exchange(
    url,
    JSON.stringify(payloads.length === 1 ? payloads[0] : payloads),
    {
      timeoutMs,
      signal
    }
  )
  const answers = readAnswers(body, calls.length)
  if (answers !== undefined && status !== 429) return answers
  if (status === 200) throw new TransientError('it answers with what is not JSON-RPC')
  if (isTransientStatus(status)) throw new TransientError(`HTTP status ${status}`)
  throw new Error(
    `HTTP status ${status}${status === 401 || status === 403 ? ', is the key in its URL right?' : ''}`
  )
}

async function exchange(
  url: URL,
  body: string,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }
): Promise<{ body: string; status: number }> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  const target = new URL(url)
  if (url.username !== '') {
    // fetch refuses credentials in a URL.
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`
    target.username = ''
    target.password = ''
  }
  let isLate = false
  try {
    return await underSignals(
      [signal],
      async either => {
        either.addEventListener('abort', () => {
          isLate = !signal.aborted
        })
        const response = await fetch(target, {
          method: 'POST',
          headers,
          body,
          signal: either,
          redirect: 'error'
        })
        return { body: await readBody(response), status: response.status }
      },
      timeoutMs
    )
  } catch (err) {
    if (err instanceof TransientError) throw err
    if (isLate) throw new TransientError(`no answer in ${timeoutMs} ms`, { cause: err })
    throw new TransientError(reasonOf(err), { cause: err })
  }
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_RESPONSE_BYTES) throw new TransientError('it answers with more than 64 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** fetch says "fetch failed" and hides the reason in its cause. */
function reasonOf(err: unknown): string {
  const cause = err instanceof Error ? (err.cause ?? err) : err
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message
  return String(cause)
}

/** Undefined unless there is exactly one well-formed answer for each call. */
function readAnswers(body: string, count: number): RpcAnswer[] | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    // Not JSON: a proxy's error page, for example.
    return undefined
  }
  const list: unknown[] = Array.isArray(parsed) ? parsed : [parsed]
  if (list.length !== count) return undefined
  const answers: RpcAnswer[] = []
  for (const item of list) {
    if (typeof item !== 'object' || item === null || !('id' in item)) return undefined
    const { id } = item
    if (
      typeof id !== 'number' ||
      !Number.isInteger(id) ||
      id < 1 ||
      id > count ||
      answers[id - 1] !== undefined
    ) {
      return undefined
    }
    const answer = readAnswer(item)
    if (answer === undefined) return undefined
    answers[id - 1] = answer
  }
  return answers
}

function readAnswer(item: object): RpcAnswer | undefined {
  if ('error' in item && typeof item.error === 'object' && item.error !== null) {
    const { error } = item
    return {
      failure: {
        code: 'code' in error && typeof error.code === 'number' ? error.code : 0,
        message: 'message' in error && typeof error.message === 'string' ? error.message : 'no message',
        data: 'data' in error ? error.data : undefined
      }
    }
  }
  return 'result' in item ? { result: item.result } : undefined
}
