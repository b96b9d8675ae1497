import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Arweave from 'arweave'

export interface ArweaveGateway {
  url: string
  /** As if it had been uploaded. @returns the transaction's id */
  put(bytes: Uint8Array): string
  /** Media type of each upload, in order. */
  mediaTypes: string[]
  /** What it asks for an upload, in winston. */
  price: string
  stop(): Promise<void>
}

interface PostedTransaction {
  id: string
  data: string
  data_root: string
  data_size: string
  tags: { name: string; value: string }[]
}

/**
 * Stands in for an Arweave gateway: `tx_anchor`, `price`, `tx`, `chunk` and the content itself, as
 * https://docs.arweave.org/developers/arweave-node-server/http-api says. Checks signatures and proofs of chunks with the
 * library's own code.
 */
export async function startArweaveGateway(): Promise<ArweaveGateway> {
  const arweave = Arweave.init({})
  const contents = new Map<string, Uint8Array>()
  /** By data root: uploads that wait for their chunks. */
  const open = new Map<string, { id: string; size: number; chunks: Uint8Array[] }>()
  const gateway: ArweaveGateway = {
    url: '',
    put(bytes) {
      const id = Buffer.from(new Uint8Array(32).fill(contents.size + 1)).toString('base64url')
      contents.set(id, bytes)
      return id
    },
    mediaTypes: [],
    price: '1000',
    stop: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }

  async function answer(method: string, path: string, body: string): Promise<[number, string | Uint8Array]> {
    if (path === '/tx_anchor') return [200, Buffer.alloc(48, 7).toString('base64url')]
    if (path.startsWith('/price/')) return [200, gateway.price]
    if (method === 'POST' && path === '/tx') {
      const posted = JSON.parse(body) as PostedTransaction
      if (!(await arweave.transactions.verify(arweave.transactions.fromRaw(posted))))
        return [400, 'bad signature']
      const [mediaType] = posted.tags.map(({ value }) => Buffer.from(value, 'base64url').toString())
      gateway.mediaTypes.push(mediaType ?? '')
      const data = Buffer.from(posted.data, 'base64url')
      if (data.length > 0) contents.set(posted.id, data)
      else open.set(posted.data_root, { id: posted.id, size: Number(posted.data_size), chunks: [] })
      return [200, 'OK']
    }
    if (method === 'POST' && path === '/chunk') {
      const { data_root: root, chunk } = JSON.parse(body) as { data_root: string; chunk: string }
      const upload = open.get(root)
      if (upload === undefined) return [400, JSON.stringify({ error: 'data_root_not_found' })]
      upload.chunks.push(Buffer.from(chunk, 'base64url'))
      const data = Buffer.concat(upload.chunks)
      if (data.length === upload.size) contents.set(upload.id, data)
      return [200, 'OK']
    }
    const found = contents.get(path.slice(1))
    return found === undefined ? [404, 'Not Found'] : [200, found]
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      answer(request.method ?? '', request.url ?? '', Buffer.concat(chunks).toString()).then(
        ([status, body]) => response.writeHead(status).end(body),
        err => response.writeHead(500).end(String(err))
      )
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return gateway
}
