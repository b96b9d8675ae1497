import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the proxy does with a request: pass it on, cut the connection, never answer, or answer so. */
export type ProxyMode = 'pass' | 'cut' | 'hang' | { status: number; body: string }

export interface FaultProxy {
  /** `http://127.0.0.1:<port>` */
  url: string
  /** Counts from now on. May be a function of the request's number, from 1. */
  setMode(mode: ProxyMode | ((count: number) => ProxyMode)): void
  /** Requests so far. */
  requests(): number
  stop(): Promise<void>
}

/** An HTTP proxy on the loopback interface before `target`, which fails on demand. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  let mode: (count: number) => ProxyMode = () => 'pass'
  let count = 0
  const pass = async (body: string, response: ServerResponse) => {
    const answer = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body
    })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const now = mode(++count)
      if (now === 'hang') return
      if (now === 'cut') request.socket.destroy()
      else if (now === 'pass')
        pass(Buffer.concat(chunks).toString(), response).catch(() => request.socket.destroy())
      else response.writeHead(now.status).end(now.body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    setMode(next) {
      mode = typeof next === 'function' ? next : () => next
    },
    requests: () => count,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
