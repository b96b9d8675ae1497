import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the proxy does with a request. */
export type ProxyMode =
  | 'pass'
  /** Closes the connection without a word. */
  | 'cut'
  /** Never answers. */
  | 'hang'
  /** Answers so, and asks nobody. */
  | { status: number; body: string }
  /** Passes it on after a while. */
  | { delayMs: number }
  /** Answers with what this makes of it; `forward` asks the real endpoint. */
  | { answer(body: string, forward: (body: string) => Promise<string>): Promise<string> }

export interface FaultProxy {
  /** `http://<host>:<port>` */
  url: string
  /** Counts from now on. May be a function of the request's number, from 1. */
  setMode(mode: ProxyMode | ((count: number) => ProxyMode)): void
  /** Requests so far. */
  requests(): number
  stop(): Promise<void>
}

/** An HTTP proxy before `target`, which fails on demand. `host`: one of this machine's addresses. */
export async function startFaultProxy(target: string, host = '127.0.0.1'): Promise<FaultProxy> {
  let mode: (count: number) => ProxyMode = () => 'pass'
  let count = 0

  const ask = async (body: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body
    })
    return { status: answer.status, text: await answer.text() }
  }

  async function respond(now: ProxyMode, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    if (now === 'hang') return
    if (now === 'cut') {
      request.socket.destroy()
    } else if (typeof now === 'object' && 'status' in now) {
      response.writeHead(now.status).end(now.body)
    } else if (typeof now === 'object' && 'answer' in now) {
      const text = await now.answer(body, async asked => (await ask(asked)).text)
      response.writeHead(200, { 'content-type': 'application/json' }).end(text)
    } else {
      if (typeof now === 'object') await new Promise(resolve => setTimeout(resolve, now.delayMs))
      const { status, text } = await ask(body)
      response.writeHead(status, { 'content-type': 'application/json' }).end(text)
    }
  }

  const server = createServer((request, response) => {
    // Where the real endpoint fails, so does the proxy.
    respond(mode(++count), request, response).catch(() => request.socket.destroy())
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
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

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
