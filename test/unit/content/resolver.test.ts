import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { AbiCoder } from 'ethers'
import { afterEach, expect, test } from 'vitest'
import { type ContentResolverInit, contentResolver } from '../../../src/content/index.js'
import {
  DataLocation,
  type ExecutionRequest,
  FailureCode,
  type Hex,
  type Job,
  systemClock
} from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')
/** Valid for the name pictures.test, until the year 2126. */
const certificate = fixture('certificate.pem')
const noSignal = new AbortController().signal
const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

/** Serves on a free port of the loopback interface. Resolves with `http://127.0.0.1:<port>`. */
async function serve(listener: RequestListener, tls = false): Promise<string> {
  const server = tls
    ? createTlsServer({ cert: certificate, key: fixture('key.pem') }, listener)
    : createServer(listener)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return tls ? `https://pictures.test:${port}` : `http://127.0.0.1:${port}`
}

function encoded(location: string): Hex {
  return AbiCoder.defaultAbiCoder().encode(['string'], [location]) as Hex
}

function resolve(
  job: Partial<Job>,
  init: ContentResolverInit = {},
  signal = noSignal
): Promise<ExecutionRequest['input']> {
  const resolver = contentResolver({ allowHttpLoopback: true, retryDelaysMs: [0, 0], ...init })
  return resolver({ logger: silentLogger(), clock: systemClock }).resolveInput(
    {
      key: 'k',
      inputLocation: DataLocation.HTTPS,
      input: '0x',
      blockHash: '0x',
      createdAtMs: 0,
      deadlineMs: 0,
      ...job
    },
    signal
  )
}

const fetched = (location: string, init?: ContentResolverInit, signal?: AbortSignal) =>
  resolve({ input: encoded(location) }, init, signal)

const failure = (code: FailureCode, reason: RegExp) =>
  expect.objectContaining({ failureCode: code, message: expect.stringMatching(reason) })

test('content: an input on chain is its own ABI encoding', async () => {
  const input = await resolve({ inputLocation: DataLocation.OnChain, input: '0x0102' })
  expect({ ...input, bytes: [...input.bytes] }).toEqual({ encoding: 'abi', bytes: [1, 2] })
})

test('content: locations that this version does not know are Unsupported', async () => {
  for (const inputLocation of [5, 99]) {
    await expect(resolve({ inputLocation })).rejects.toThrow(
      failure(FailureCode.Unsupported, /not supported/u)
    )
  }
})

test('content: fetches over https from a name, and trusts only a certificate for it', async () => {
  const url = await serve((_request, response) => response.end('picture'), true)
  const lookupHost = async () => [{ address: '127.0.0.1', family: 4 }]
  const { encoding, bytes } = await fetched(`${url}/a.png`, { lookupHost, ca: certificate })
  expect([encoding, Buffer.from(bytes).toString()]).toEqual(['content', 'picture'])
  await expect(fetched(`${url}/a.png`, { lookupHost })).rejects.toThrow(
    failure(FailureCode.InputUnavailable, /certificate/u)
  )
})

test('content: refuses what is no location, and every scheme but https', async () => {
  await expect(resolve({ input: '0x1234' })).rejects.toThrow(
    failure(FailureCode.InvalidInput, /abi\.encode/u)
  )
  for (const location of [
    'no url',
    'ftp://example.org/a',
    'file:///etc/passwd',
    'https://user:secret@example.org/a',
    `https://example.org/${'a'.repeat(2_100)}`
  ]) {
    await expect(fetched(location)).rejects.toThrow(failure(FailureCode.InvalidInput, /location/u))
  }
  await expect(fetched('http://example.org/a', { allowHttpLoopback: false })).rejects.toThrow(
    failure(FailureCode.InvalidInput, /https/u)
  )
})

test('content: never connects to an address that is not public', async () => {
  let connections = 0
  const url = await serve((_request, response) => {
    connections++
    response.end()
  })
  const { port } = new URL(url)
  const init: ContentResolverInit = {
    allowHttpLoopback: false,
    lookupHost: async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '::ffff:127.0.0.1', family: 6 }
    ]
  }
  for (const host of [
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    'name.test'
  ]) {
    await expect(fetched(`https://${host}:${port}/`, init)).rejects.toThrow(
      failure(FailureCode.InvalidInput, /no public address/u)
    )
  }
  expect(connections).toBe(0)
})

test('content: checks the target of a redirect like a location', async () => {
  const url = await serve((request, response) => {
    const location = request.url === '/out' ? 'http://192.168.1.1/' : 'file:///etc/passwd'
    response.writeHead(302, { location }).end()
  })
  await expect(fetched(`${url}/out`)).rejects.toThrow(failure(FailureCode.InvalidInput, /no public address/u))
  await expect(fetched(`${url}/file`)).rejects.toThrow(failure(FailureCode.InvalidInput, /https/u))
})

test('content: follows three redirects and no fourth', async () => {
  const url = await serve((request, response) => {
    const left = Number(request.url?.slice(1))
    if (left === 0) {
      response.end('found')
    } else {
      response.writeHead(307, { location: `/${left - 1}` }).end()
    }
  })
  expect(Buffer.from((await fetched(`${url}/3`)).bytes).toString()).toBe('found')
  await expect(fetched(`${url}/4`)).rejects.toThrow(failure(FailureCode.InputUnavailable, /redirects/u))
})

test('content: stops at the size limit, whether or not the server tells the size', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/told') {
      response.writeHead(200, { 'content-length': 11 })
    }
    response.write('12345')
    response.end('123456')
  })
  expect((await fetched(`${url}/told`, { maxBytes: 11 })).bytes).toHaveLength(11)
  for (const path of ['/told', '/untold']) {
    await expect(fetched(url + path, { maxBytes: 10 })).rejects.toThrow(
      failure(FailureCode.InputTooLarge, /10 bytes/u)
    )
  }
})

test('content: tries three times what may pass, and once what may not', async () => {
  const asked: Record<string, number> = {}
  const url = await serve((request, response) => {
    const path = request.url ?? ''
    asked[path] = (asked[path] ?? 0) + 1
    if (path === '/broken') {
      response.write('half')
      response.destroy()
    } else if (path === '/third' && asked[path] === 3) {
      response.end('at last')
    } else {
      response.writeHead(path === '/gone' ? 404 : 503).end()
    }
  })
  expect(Buffer.from((await fetched(`${url}/third`)).bytes).toString()).toBe('at last')
  for (const path of ['/busy', '/gone', '/broken']) {
    await expect(fetched(url + path)).rejects.toThrow(failure(FailureCode.InputUnavailable, /input at/u))
  }
  expect(asked).toEqual({ '/third': 3, '/busy': 3, '/gone': 1, '/broken': 3 })
})

test('content: gives up a server that does not answer, and a fetch that is aborted', async () => {
  const reached = Promise.withResolvers<void>()
  const url = await serve(() => reached.resolve())
  await expect(fetched(url, { timeoutMs: 30 })).rejects.toThrow(
    failure(FailureCode.InputUnavailable, /30 ms/u)
  )
  const controller = new AbortController()
  const pending = fetched(url, {}, controller.signal)
  await reached.promise
  controller.abort(new Error('lease lost'))
  await expect(pending).rejects.toThrow('lease lost')
})
