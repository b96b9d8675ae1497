import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { type GetContentInit, getContent } from '../../../node/client/content.js'
import { cidOfContent } from '../../../src/interface/content-id.js'
import type { Logger } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { type ContentNode, distinctBytes, startContentNode } from '../content/content-nodes.js'

let signal: AbortSignal
beforeEach(() => {
  signal = AbortSignal.timeout(50_000)
})

async function start(): Promise<ContentNode> {
  const node = await startContentNode()
  onTestFinished(() => node.stop())
  return node
}

const init = (changes: Partial<GetContentInit> & { cid: string }): GetContentInit => ({
  bootstrap: [],
  peersDirectory: undefined,
  local: true,
  logger: silentLogger(),
  maxBytes: 10_000_000,
  ...changes
})

/** Calls `then` when this is logged. */
function onDebug(message: string, then: () => void): Logger {
  const logger: Logger = {
    ...silentLogger(),
    debug: (_fields, said) => (said === message ? then() : undefined),
    child: () => logger
  }
  return logger
}

it('behavior: content is had from one node that is named, and from no other', async () => {
  const [holder, other] = [await start(), await start()]
  const cid = await holder.content.add([Buffer.from('metadata')])
  const found = await getContent(init({ cid, via: holder.address }), signal)
  expect(String(found)).toBe('metadata')
  const ending = new AbortController()
  const elsewhere = getContent(
    init({
      cid,
      via: other.address,
      bootstrap: [holder.address],
      logger: onDebug('content is not had yet; asking again', () => ending.abort(new Error('enough')))
    }),
    ending.signal
  )
  await expect(elsewhere).rejects.toThrow('enough')
})

it('behavior: a node that is named and has not got the content yet is asked again', async () => {
  const other = await start()
  const bytes = Buffer.from('late')
  const cid = await cidOfContent(bytes)
  const adding: Promise<string>[] = []
  const logger = onDebug('content is not had yet; asking again', () =>
    adding.push(other.content.add([bytes]))
  )
  expect(String(await getContent(init({ cid, via: other.address, logger }), signal))).toBe('late')
  expect(await adding[0]).toBe(cid)
})

it('behavior: content is had from whoever of the network has it, into a file', async () => {
  const [holder, other] = [await start(), await start()]
  const bytes = distinctBytes(2_500_000)
  const cid = await holder.content.add([bytes])
  const folder = await mkdtemp(join(tmpdir(), 'buffalo-get-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const out = join(folder, 'file')
  const progress: number[] = []
  await getContent(
    init({
      cid,
      out,
      bootstrap: [other.address, holder.address],
      onProgress: ({ bytes: done }) => progress.push(done)
    }),
    signal
  )
  expect(Buffer.compare(await readFile(out), bytes)).toBe(0)
  expect(progress.at(-1)).toBe(2_500_000)
  expect(await readdir(folder)).toEqual(['file'])
})

it('behavior: an address that is none, and a CID that is none, are refused', async () => {
  await expect(getContent(init({ cid: 'hello', via: '/ip4/127.0.0.1/tcp/1' }), signal)).rejects.toMatchObject(
    {
      code: 'BUFFALO_ERR_CONFIG'
    }
  )
  await expect(getContent(init({ cid: 'hello' }), signal)).rejects.toMatchObject({
    code: 'BUFFALO_ERR_CONTENT_INVALID'
  })
})
