import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { refuseAnother } from '../../../node/devnet/refuse-another.js'

function networkFile(content: string | undefined): string {
  const directory = mkdtempSync(join(tmpdir(), 'buffalo-refuse-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'network.json')
  if (content !== undefined) {
    writeFileSync(path, content)
  }
  return path
}

/** Answers everything with `body`. */
async function endpoint(body: string): Promise<{ rpc: string; close: () => Promise<void> }> {
  const server = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    if (server.listening) {
      server.close()
      await once(server, 'close')
    }
  }
  onTestFinished(close)
  return { rpc: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

it('behavior: a development network takes the place of none, and of one that has ended', async () => {
  await refuseAnother(networkFile(undefined))
  const { rpc, close } = await endpoint('')
  await close()
  await refuseAnother(networkFile(JSON.stringify({ chainId: 31337, rpc })))
})

it('behavior: one that runs keeps its file', async () => {
  const { rpc } = await endpoint('{"jsonrpc":"2.0","id":1,"result":"0x7a69"}')
  await expect(refuseAnother(networkFile(JSON.stringify({ chainId: 31337, rpc })))).rejects.toThrow(
    /is up already at http.*--network-file/
  )
})

it.each(['{"jsonrpc":"2.0","id":1,"result":"0x1"}', 'null', 'hello'])(
  'behavior: a port that another program has since is no network: %s',
  async body => {
    const { rpc } = await endpoint(body)
    await refuseAnother(networkFile(JSON.stringify({ chainId: 31337, rpc })))
  }
)

it.each([
  '{"name":"a package"}',
  '{"chainId":11155111,"rpc":"http://127.0.0.1:1"}',
  '{"chainId":31337}',
  'no JSON'
])('behavior: a file that is something else is left alone: %s', async content => {
  await expect(refuseAnother(networkFile(content))).rejects.toThrow(
    /is not the file of a development network|is not JSON/
  )
})
