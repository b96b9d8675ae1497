import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { type Copies, contentResolver, outputStore } from '../../../src/content/index.js'
import { DataLocation, FailureCode, OutputFormat, systemClock } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { connect, startContentNode } from '../../unit/content/content-nodes.js'
import { type ArweaveGateway, startArweaveGateway } from './arweave-gateway.js'
import { blockHash, encoded, type InputLocation, inputSuite, job, outputSuite } from './location.common.js'

const base = { clock: systemClock, logger: silentLogger() }
const local = { allowHttpLoopback: true, retryDelaysMs: [0], maxBytes: 10_000 }
const ends: (() => Promise<void>)[] = []
afterAll(async () => {
  await Promise.all(ends.map(end => end()))
})

/** Runs what all tests of a suite share once. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  ends.push(
    () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const tooLarge = 'x'.repeat(20_000)

const nodes = once(async () => {
  const [near, far] = [await startContentNode(), await startContentNode()]
  ends.push(near.stop, far.stop)
  await connect(near, far)
  return { near, far }
})
const arweave = once(async () => {
  const gateway = await startArweaveGateway()
  ends.push(gateway.stop)
  return gateway
})
/** Answers each query with the text that its `echo` asks for, as of the job's block only. */
const subgraph = once(async () =>
  listen(
    createServer((request, response) => {
      let body = ''
      request.on('data', chunk => {
        body += String(chunk)
      })
      request.on('end', () => {
        const { query } = JSON.parse(body) as { query: string }
        const asked = /echo\(\s*text: (".*"),?\s*block: \{\s*hash: "(0x\w+)"\s*\}/u.exec(query)
        const answer =
          asked?.[2] === blockHash
            ? { data: { echo: JSON.parse(asked[1] ?? '') as unknown } }
            : {
                errors: [{ message: 'Failed to decode `block.hash` value: `no block with that hash found`' }]
              }
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(answer))
      })
    })
  )
)

describe('inputs', () => {
  inputSuite('OnChain', async () => ({
    location: DataLocation.OnChain,
    resolver: contentResolver()(base),
    put: async text => ({ input: `0x${Buffer.from(text).toString('hex')}`, expected: text })
  }))

  inputSuite(
    'HTTPS',
    once(async () => {
      const texts: string[] = []
      const url = await listen(
        createServer((request, response) => {
          const text = texts[Number(request.url?.slice(1))]
          response.writeHead(text === undefined ? 404 : 200).end(text)
        })
      )
      return {
        location: DataLocation.HTTPS,
        resolver: contentResolver(local)(base),
        put: async text => ({ input: encoded(`${url}/${texts.push(text) - 1}`), expected: text }),
        missing: encoded(`${url}/1000`),
        malformed: encoded('ftp://127.0.0.1/file'),
        tooLarge
      }
    })
  )

  inputSuite(
    'IPFS',
    once(async (): Promise<InputLocation> => {
      const { near, far } = await nodes()
      return {
        location: DataLocation.IPFS,
        resolver: contentResolver({ ...local, retryDelaysMs: [] })({ ...base, content: near.content }),
        put: async text => ({
          input: encoded(`ipfs://${await far.content.add([Buffer.from(text)])}`),
          expected: text
        }),
        missing: encoded('ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'),
        malformed: encoded('ipfs://hello'),
        tooLarge
      }
    })
  )

  inputSuite(
    'Arweave',
    once(async () => {
      const gateway = await arweave()
      return {
        location: DataLocation.Arweave,
        resolver: contentResolver({ ...local, arweaveGateway: `${gateway.url}/` })(base),
        put: async text => ({ input: encoded(`ar://${gateway.put(Buffer.from(text))}`), expected: text }),
        malformed: encoded('ar://too-short'),
        tooLarge
      }
    })
  )

  inputSuite(
    'TheGraph',
    once(async () => ({
      location: DataLocation.TheGraph,
      resolver: contentResolver({ ...local, subgraphUrl: await subgraph() })(base),
      put: async (text): Promise<{ input: `0x${string}`; expected: string }> => ({
        input: encoded(`{ echo(text: ${JSON.stringify(text)}) }`.slice(0, 2_048)),
        expected: JSON.stringify({ echo: text })
      }),
      missing: encoded('{ jobs { id } }'),
      malformed: encoded('mutation { steal }')
    }))
  )

  it('behavior: an unknown location fails the job', async () => {
    const resolving = contentResolver()(base).resolveInput(
      job({ inputLocation: 99 }),
      AbortSignal.timeout(1_000)
    )
    await expect(resolving).rejects.toMatchObject({ failureCode: FailureCode.Unsupported })
  })
})

describe('outputs', () => {
  const signal = new AbortController().signal
  const noCopies: Pick<Copies, 'spread'> = { spread: async () => [] }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const wallet = privateKey.export({ format: 'jwk' }) as { kty: string; e: string; n: string }
  const readDataUri = async (location: string): Promise<Uint8Array> =>
    Buffer.from(location.slice(location.indexOf(',') + 1), 'base64')

  for (const [name, location] of [
    ['OnChain', DataLocation.OnChain],
    ['TheGraph', DataLocation.TheGraph]
  ] as const) {
    outputSuite(name, async () => ({
      location,
      store: outputStore()({}),
      read: readDataUri,
      scheme: 'data:'
    }))
  }

  outputSuite(
    'IPFS',
    once(async () => {
      const { near, far } = await nodes()
      return {
        location: DataLocation.IPFS,
        store: outputStore()({ content: near.content, copies: noCopies }),
        read: location => far.content.read(location.slice('ipfs://'.length), { maxBytes: 10_000, signal }),
        scheme: 'ipfs://'
      }
    })
  )

  outputSuite(
    'Arweave',
    once(async () => {
      const gateway = await arweave()
      return {
        location: DataLocation.Arweave,
        store: outputStore({ arweaveGateway: gateway.url, arweaveWallet: wallet })({}),
        async read(location) {
          const response = await fetch(`${gateway.url}/${location.slice('ar://'.length)}`)
          return new Uint8Array(await response.arrayBuffer())
        },
        scheme: 'ar://'
      }
    })
  )

  it('behavior: Arweave: a large output goes up in chunks, with its media type', async () => {
    const gateway: ArweaveGateway = await startArweaveGateway()
    ends.push(gateway.stop)
    const store = outputStore({ arweaveGateway: gateway.url, arweaveWallet: wallet })({})
    const bytes = new Uint8Array(700_000).map((_, at) => (at * 31) % 256)
    const wanted = job({ outputLocation: DataLocation.Arweave })
    const location = await store.storeOutput(wanted, { bytes, mediaType: 'image/webp' }, signal)
    const response = await fetch(`${gateway.url}/${location.slice('ar://'.length)}`)
    expect(Buffer.compare(new Uint8Array(await response.arrayBuffer()), bytes)).toBe(0)
    expect(gateway.mediaTypes).toEqual(['image/webp'])
    gateway.price = '500000000001'
    await expect(store.storeOutput(wanted, { bytes, mediaType: 'image/webp' }, signal)).rejects.toThrow(
      'at most'
    )
  })

  it('behavior: Arweave: a gateway that does not answer leaves the job to others', async () => {
    const gateway = await startArweaveGateway()
    await gateway.stop()
    const store = outputStore({ arweaveGateway: gateway.url, arweaveWallet: wallet })({})
    const storing = store.storeOutput(
      job({ outputLocation: DataLocation.Arweave }),
      { bytes: new Uint8Array(1), mediaType: 'text/plain' },
      signal
    )
    await expect(storing).rejects.toMatchObject({ code: 'BUFFALO_ERR_CONTENT_UNAVAILABLE' })
  })

  it('behavior: what is too large for the chain, or wanted where nothing can be, fails the job', async () => {
    const store = outputStore()({})
    const output = { bytes: new Uint8Array(60_000), mediaType: 'image/png' }
    for (const [changes, failureCode] of [
      [{ outputLocation: DataLocation.TheGraph }, FailureCode.OutputTooLarge],
      [{ outputLocation: DataLocation.HTTPS }, FailureCode.Unsupported],
      [{ outputLocation: DataLocation.OnChain, outputFormat: 9 as OutputFormat }, FailureCode.Unsupported]
    ] as const) {
      await expect(store.storeOutput(job(changes), output, signal)).rejects.toMatchObject({ failureCode })
    }
  })

  it('behavior: without the means for a place, the job is left to others', async () => {
    const output = { bytes: new Uint8Array(1), mediaType: 'image/png' }
    for (const outputLocation of [DataLocation.Arweave, DataLocation.IPFS]) {
      await expect(
        outputStore()({}).storeOutput(job({ outputLocation }), output, signal)
      ).rejects.toMatchObject({
        code: 'BUFFALO_ERR_CONTENT_UNAVAILABLE'
      })
    }
  })
})
