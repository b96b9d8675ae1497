import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/interface/clock.js'
import { SubgraphUnavailableError } from '../../../src/interface/errors.js'
import { type SubgraphClientInit, subgraphClient } from '../../../src/subgraph/index.js'

const row = {
  id: `0x${'01'.padStart(64, '0')}`,
  status: 'Open',
  blockNumber: '7',
  blockHash: `0x${'aa'.repeat(32)}`,
  txHash: `0x${'bb'.repeat(32)}`,
  logIndex: '3',
  dataHash: `0x${'cc'.repeat(32)}`
}
const meta = { block: { number: 9 }, hasIndexingErrors: false }
const page = (change: object = {}) => ({ data: { _meta: meta, anchor: null, rows: [{ ...row, ...change }] } })

describe('subgraphClient', () => {
  const servers: Server[] = []
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  })

  /** A client of an endpoint that answers as it is told. */
  async function clientOf(listener: RequestListener, init: Partial<SubgraphClientInit> = {}) {
    const server = createServer(listener)
    servers.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-key/subgraph`
    return subgraphClient({ url, ...init })({ clock: systemClock })
  }
  const answering = (body: unknown, status = 200) =>
    clientOf((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  const read = (client: Awaited<ReturnType<typeof clientOf>>, signal = new AbortController().signal) =>
    client.jobs.page({ after: undefined, first: 2 }, signal)

  it('behavior: a page is read with its head', async () => {
    await expect(read(await answering(page()))).resolves.toEqual({
      head: { blockNumber: 9, hasIndexingErrors: false },
      anchor: undefined,
      rows: [{ ...row, blockNumber: 7, logIndex: 3 }]
    })
  })

  it('behavior: data beside an indexing error is taken', async () => {
    const client = await answering({ ...page(), errors: [{ message: 'indexing_error' }] })
    await expect(read(client)).resolves.toMatchObject({ rows: [{ id: row.id }] })
  })

  const refused: [string, unknown, RegExp][] = [
    ['an id of another width', page({ id: '0x01' }), /rows\.0\.id: not 32 bytes/],
    ['hex in capitals', page({ blockHash: `0x${'AA'.repeat(32)}` }), /rows\.0\.blockHash/],
    ['a number that is none', page({ blockNumber: '-1' }), /rows\.0\.blockNumber/],
    ['a number beyond 2^53', page({ blockNumber: '9999999999999999' }), /rows\.0\.blockNumber/],
    ['a log index beyond 32 bits', page({ logIndex: '4294967296' }), /rows\.0\.logIndex/],
    ['more rows than asked for', { data: { _meta: meta, anchor: null, rows: [row, row, row] } }, /rows/],
    ['no meta', { data: { anchor: null, rows: [] } }, /_meta/],
    ['no data', {}, /malformed/],
    [
      'an error of graph-node',
      { errors: [{ message: 'Store error: database unavailable' }] },
      /database unavailable/
    ],
    ['no JSON', '<html>', /JSON|HTTP/i]
  ]
  it.each(refused)('behavior: %s is refused', async (_what, body, message) => {
    const failed = read(await answering(body))
    await expect(failed).rejects.toThrow(SubgraphUnavailableError)
    await expect(failed).rejects.toThrow(message)
  })

  it('behavior: a status of 500 is an outage, and the message shows no more of the URL than its origin', async () => {
    const error = await read(await answering('{}', 500)).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(SubgraphUnavailableError)
    expect(String(error)).toMatch(/http:\/\/127\.0\.0\.1:\d+ cannot be read/)
    expect(String(error)).not.toContain('secret-key')
  })

  it('behavior: an answer without end is given up at its limit', async () => {
    let open = true
    const client = await clientOf(
      (_request, response) => {
        response.on('close', () => {
          open = false
        })
        const more = () => {
          while (open && response.write(' '.repeat(64 * 1024)));
        }
        response.writeHead(200, { 'content-type': 'application/json' })
        response.on('drain', more)
        more()
      },
      { maxResponseBytes: 1024 * 1024 }
    )
    await expect(read(client)).rejects.toThrow(/more than 1048576 bytes/)
  })

  it('behavior: an endpoint that does not answer is given up after the timeout', async () => {
    const client = await clientOf(() => {}, { timeoutMs: 50 })
    await expect(read(client)).rejects.toThrow(/did not answer within 50 ms/)
  })

  it('behavior: an endpoint that is gone is an outage', async () => {
    const client = await answering(page())
    const [server] = servers.splice(0)
    await new Promise(resolve => server?.close(resolve))
    await expect(read(client)).rejects.toThrow(/ECONNREFUSED/)
  })

  it('behavior: an abort ends the request in flight with its own reason', async () => {
    const aborter = new AbortController()
    const client = await clientOf(() => aborter.abort(new Error('stopping')))
    await expect(read(client, aborter.signal)).rejects.toThrow('stopping')
  })
})
