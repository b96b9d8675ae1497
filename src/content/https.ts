import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { abortable } from '../interface/abort.js'
import { FailureCode, JobFailedError } from '../interface/index.js'
import { isLoopbackAddress, isPublicAddress, type LookupHost } from './public-address.js'

export interface FetchInit {
  maxBytes: number
  allowHttpLoopback: boolean
  lookupHost: LookupHost
  /** PEM of a certificate authority to trust instead of the system's. */
  ca: string | undefined
}

/** A fault that may pass: worth another try. */
export class TransientError extends Error {}

const maxRedirects = 3

/**
 * Fetches what lies at an `https:` location. Every redirect is checked like the first location, and the connection
 * goes to the very address that was checked, so a name that changes its answer in between gains nothing.
 * Throws JobFailedError, or TransientError for what may pass; rejects with the signal's reason if it aborts.
 */
export async function fetchLocation(
  location: string,
  init: FetchInit,
  signal: AbortSignal
): Promise<Uint8Array> {
  let url = checkUrl(location, init)
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await open(url, init, signal)
    try {
      const target = redirectTarget(response)
      if (target === undefined) {
        return await readBody(url, response, init.maxBytes)
      }
      url = checkUrl(target, init, url)
    } catch (err) {
      signal.throwIfAborted()
      throw err
    } finally {
      response.destroy()
    }
  }
  throw unavailable(url, `redirects more than ${maxRedirects} times`)
}

function checkUrl(location: string, { allowHttpLoopback }: FetchInit, base?: URL): URL {
  const url = URL.parse(location, base?.href)
  if (url === null) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The location is no URL')
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowHttpLoopback)) {
    throw new JobFailedError(
      FailureCode.InvalidInput,
      `The location must begin with https://, not ${url.protocol}`
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new JobFailedError(FailureCode.InvalidInput, 'The location must not hold a user name or password')
  }
  return url
}

/** Of the IncomingMessage with its headers read, its body not yet. */
async function open(url: URL, init: FetchInit, signal: AbortSignal): Promise<IncomingMessage> {
  const pinned = await abortable(checkedAddresses(url, init), signal)
  const lookup: LookupFunction = (_hostname, options, callback) => {
    const [first] = pinned
    if (options.all) {
      callback(null, pinned)
    } else if (first !== undefined) {
      callback(null, first.address, first.family)
    }
  }
  const options: RequestOptions = {
    lookup,
    signal,
    // No connection is kept: the next location is another stranger's.
    agent: false,
    headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'buffalo-node' },
    maxHeaderSize: 16 * 1024
  }
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'http:' ? requestHttp(url, options) : requestHttps(url, { ...options, ca: init.ca })
    request.once('response', resolve)
    request.on('error', err => {
      reject(signal.aborted ? signal.reason : new TransientError(reasonOf(err), { cause: err }))
    })
    request.end()
  })
}

/** The host's addresses that may be connected to; at least one. */
async function checkedAddresses(
  url: URL,
  { lookupHost, allowHttpLoopback }: FetchInit
): Promise<{ address: string; family: number }[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/u, '$1')
  const family = isIP(host)
  const addresses = family === 0 ? await resolveHost(host, lookupHost) : [{ address: host, family }]
  const allowed = addresses.filter(
    ({ address }) =>
      (url.protocol === 'https:' && isPublicAddress(address)) ||
      (allowHttpLoopback && isLoopbackAddress(address))
  )
  if (allowed.length === 0) {
    throw new JobFailedError(FailureCode.InvalidInput, `The location's host ${host} has no public address`)
  }
  return allowed
}

async function resolveHost(
  host: string,
  lookupHost: LookupHost
): Promise<{ address: string; family: number }[]> {
  try {
    return await lookupHost(host)
  } catch (err) {
    throw new TransientError(`the name ${host} does not resolve`, { cause: err })
  }
}

function redirectTarget({ statusCode, headers }: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(statusCode ?? 0) ? headers.location : undefined
}

async function readBody(url: URL, response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const { statusCode = 0, headers } = response
  // 408, 429 and every 5xx are the server's own trouble.
  if (statusCode === 408 || statusCode === 429 || statusCode >= 500) {
    throw new TransientError(`the server answers ${statusCode}`)
  }
  if (statusCode !== 200) {
    throw unavailable(url, `the server answers ${statusCode}`)
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw unavailable(url, 'the server compresses what was asked for as it is')
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) {
    throw tooLarge(maxBytes)
  }
  const chunks: Buffer[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) {
        throw tooLarge(maxBytes)
      }
      chunks.push(chunk)
    }
  } catch (err) {
    throw err instanceof JobFailedError ? err : new TransientError(reasonOf(err), { cause: err })
  }
  return Buffer.concat(chunks)
}

function reasonOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}

function tooLarge(maxBytes: number): JobFailedError {
  return new JobFailedError(FailureCode.InputTooLarge, `The input has more than ${maxBytes} bytes`)
}

export function unavailable(url: URL | string, reason: string): JobFailedError {
  // A reason goes on chain: a location may be long.
  return new JobFailedError(
    FailureCode.InputUnavailable,
    `The input at ${String(url).slice(0, 200)}: ${reason}`
  )
}
