import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AbiCoder } from 'ethers'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ModelRegistry } from '../../../models/index.js'
import type { JobView } from '../../../node/client/job-queries.js'
import { openOutputFile } from '../../../node/client/output-file.js'
import { locationOf, show, describe as tell, toPlain } from '../../../node/client/present.js'
import { outputHint, saveOutput } from '../../../node/client/save-output.js'
import { readTasks } from '../../../node/client/task-registry.js'
import { ContentInvalidError, DataLocation, OutputFormat } from '../../../src/interface/index.js'

let registry: ModelRegistry
beforeAll(async () => {
  registry = await readTasks()
})

function job(task: string, output: string, about: Partial<JobView> = {}): JobView {
  return {
    id: 7n,
    status: 'succeeded',
    category: registry.task(task).category,
    model: '0x01',
    client: '0x02',
    outputLocation: DataLocation.OnChain,
    outputFormat: OutputFormat.Raw,
    createdAtMs: 0,
    deadlineMs: 0,
    payment: 1_500_000_000_000_000n,
    blockNumber: 1,
    requestTxHash: '0x03',
    result: {
      worker: undefined,
      account: undefined,
      output,
      failure: undefined,
      callbackSucceeded: true,
      txHash: '0x04',
      blockNumber: 2
    },
    ...about
  }
}

const encode = (types: string[], values: unknown[]) => AbiCoder.defaultAbiCoder().encode(types, values)
const located = (location: string, format: number = OutputFormat.Raw) =>
  job('text-to-image', encode(['string'], [location]), {
    outputLocation: DataLocation.IPFS,
    outputFormat: format
  })

describe('a job as people see it', () => {
  it('behavior: a text is a text', () => {
    const shown = show(job('text-generation', encode(['string'], ['two\nlines'])), registry)
    expect(shown).toMatchObject({ output: 'two\nlines', text: 'two\nlines', line: 'two / lines' })
    expect(locationOf(shown)).toBeUndefined()
  })

  it('behavior: scores are a table, a line in a list, and data for programs', () => {
    const scores = [9n * 10n ** 17n, 10n ** 17n]
    const shown = show(
      job('image-classification', encode(['string[]', 'int256[]'], [['cat', 'dog'], scores])),
      registry
    )
    const output = [
      { label: 'cat', score: 0.9 },
      { label: 'dog', score: 0.1 }
    ]
    expect(toPlain(shown).output).toEqual(output)
    expect(shown.text).toMatch(/label[^]*score[^]*cat[^]*0\.9000[^]*dog[^]*0\.1000/)
    expect(shown.line).toBe('cat 0.90, dog 0.10')
  })

  it('behavior: a callback that reverted is shown with its reason', () => {
    const view = job('text-generation', encode(['string'], ['x']))
    const reverted = {
      ...view.result,
      callbackSucceeded: false,
      callbackReturnData: '0x'
    } as JobView['result']
    const shown = show({ ...view, result: reverted }, registry)
    expect(toPlain(shown).callback).toContain('reverted without a reason')
    expect(tell(shown)).toMatch(/^callback +reverted without a reason/mu)
  })

  it('behavior: a picture is where it lies', () => {
    const shown = show(located('ipfs://abc'), registry)
    expect([shown.output, shown.text, locationOf(shown)]).toEqual(['ipfs://abc', 'ipfs://abc', 'ipfs://abc'])
  })

  it('behavior: an output that breaks the task’s format is none', () => {
    for (const task of ['text-generation', 'image-classification', 'reinforcement-learning']) {
      expect(show(job(task, '0x1234'), registry)).toMatchObject({ output: undefined, text: undefined })
    }
    expect(show({ ...located('x'), result: undefined, status: 'open' }, registry).output).toBeUndefined()
  })
})

describe('an output in a file', () => {
  const png = Buffer.from('89504e470d0a1a0a00', 'hex')
  const metadata = { name: 'A cat', description: 'It sits.', image: 'ipfs://picture' }
  const files: Record<string, Uint8Array> = {
    'ipfs://picture': png,
    'ipfs://metadata': Buffer.from(JSON.stringify(metadata)),
    'ipfs://nonsense': Buffer.from('{"name": 7}')
  }

  async function save(view: JobView): Promise<{ saved: unknown; written: Buffer }> {
    const folder = await mkdtemp(join(tmpdir(), 'buffalo-output-'))
    const path = join(folder, 'output')
    try {
      const shown = show(view, registry)
      const read = async (location: string) => files[location] ?? new Uint8Array()
      const file = await openOutputFile(path)
      const saved = await saveOutput(shown, registry.task(shown.task), file, {
        read,
        signal: new AbortController().signal
      })
      await file.close()
      return { saved, written: await readFile(path) }
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  it('behavior: a picture is read from where it lies; one with metadata by way of it', async () => {
    expect(await save(located('ipfs://picture'))).toEqual({ saved: { bytes: 9 }, written: png })
    expect(await save(located('ipfs://metadata', OutputFormat.NFTMeta))).toEqual({
      saved: { bytes: 9, metadata },
      written: png
    })
  })

  it('behavior: an answer on chain is written as its file', async () => {
    const { written } = await save(job('text-generation', encode(['string'], ['hello'])))
    expect(written.toString()).toBe('hello')
  })

  it('behavior: where a paid output could not be saved, it is said how to have it', () => {
    expect(outputHint(show(located('ipfs://picture'), registry))).toContain(
      'npx buffalo-node content get ipfs://picture --out'
    )
    const text = show(job('text-generation', encode(['string'], ['hello'])), registry)
    expect(outputHint(text)).toContain('npx buffalo-node job 7')
  })

  it('behavior: what is no metadata is said to be none', async () => {
    await expect(save(located('ipfs://nonsense', OutputFormat.NFTMeta))).rejects.toThrow(ContentInvalidError)
  })
})

it('behavior: it is told what a job was paid, and who has it', () => {
  const line = (status: JobView['status']) => tell(show(job('image-to-text', '0x', { status }), registry))
  expect(line('open')).toMatch(/payment +0\.0015 ether, held by the Oracle/)
  expect(line('succeeded')).toMatch(/payment +0\.0015 ether, credited to the worker and the model/)
  expect(line('failed')).toMatch(/payment +0\.0015 ether, credited back to the client/)
  expect(toPlain(show(job('image-to-text', '0x'), registry))).toMatchObject({
    paymentWei: '1500000000000000'
  })
})
