import { Interface } from 'ethers'
import { beforeAll, describe, expect, it } from 'vitest'
import { type AnyTask, createModelRegistry, type ModelRegistry, readTestFile } from '../../../models/index.js'
import { readArtifact } from '../../../node/artifacts.js'
import { encodeRun, encodeRunFromLocation, noFunction } from '../../../node/client/task-call.js'
import { inputUsage, readTaskInput } from '../../../node/client/task-input.js'
import { submitExamples } from '../../../node/commands/submit-examples.js'
import { ConfigError, OutputFormat } from '../../../src/interface/index.js'

let registry: ModelRegistry
beforeAll(async () => {
  registry = await createModelRegistry()
})

const onModel = (task: AnyTask): boolean => task.input.type !== 'game'
const parse = (task: AnyTask, data: string) =>
  new Interface(readArtifact(task.contract).abi).parseTransaction({ data })

describe('the call of a task’s contract', () => {
  it('behavior: every model of the repository is asked with its first test vector', async () => {
    for (const document of registry.manifests()) {
      const task = registry.task(document.manifest.task)
      const vector = document.manifest.testVectors[0]
      if (!onModel(task) || vector === undefined) continue
      const bytes = await readTestFile(document, vector.input)
      const input = task.input.encode(task.input.fromContent(bytes))
      const call = parse(task, encodeRun(task, { input, seed: '0x5eed', format: OutputFormat.Raw }))
      expect([task.name, call?.name]).toEqual([task.name, 'run'])
      expect(call?.args.toObject()).toMatchObject({
        callbackId: 0n,
        callbackFunction: noFunction,
        seed: '0x5eed'
      })
    }
  })

  it('behavior: the input’s values come first, in the codec’s order', () => {
    const task = registry.task('text-image-joint-embedding')
    const image = Buffer.from('89504e470d0a1a0a', 'hex')
    const input = task.input.encode({ text: 'a cat', image })
    const call = parse(task, encodeRun(task, { input, seed: '0x01', format: OutputFormat.Raw }))
    expect(call?.args.toObject()).toMatchObject({ text: 'a cat', image: '0x89504e470d0a1a0a', seed: '0x01' })
  })

  it('behavior: a format goes along where the contract takes one, and is refused elsewhere', () => {
    const nft = { seed: '0x', format: OutputFormat.NFTMeta } as const
    const picture = registry.task('text-to-image')
    const call = parse(picture, encodeRun(picture, { ...nft, input: picture.input.encode({ text: 'x' }) }))
    expect(call?.args.toObject()).toMatchObject({ prompt: 'x', format: 1n })
    const text = registry.task('text-generation')
    expect(() => encodeRun(text, { ...nft, input: text.input.encode({ text: 'x' }) })).toThrow(ConfigError)
  })

  it('behavior: a location is for tasks that answer on chain to a file or a text', () => {
    const task = registry.task('image-classification')
    const call = parse(task, encodeRunFromLocation(task, 'ipfs://x', '0x01'))
    expect(call?.args.toObject()).toMatchObject({ location: 'ipfs://x', seed: '0x01' })
    expect(() => encodeRunFromLocation(registry.task('text-to-image'), 'ipfs://x', '0x')).toThrow(ConfigError)
  })
})

describe('the input on the command line', () => {
  const read = (task: string, input?: string, prompt?: string) =>
    readTaskInput(registry.task(task), { input, prompt })
  const bytesOf = async (reading: ReturnType<typeof read>) => {
    const found = await reading
    if (found.kind !== 'content') throw new Error(found.kind)
    return new TextDecoder().decode(found.bytes)
  }

  it('behavior: --prompt is the text of a task that takes one', async () => {
    expect(await bytesOf(read('text-generation', undefined, 'Once'))).toBe('Once')
    expect(await bytesOf(read('tensor', undefined, '{"inputs":[]}'))).toBe('{"inputs":[]}')
    await expect(read('image-to-text', undefined, 'Once')).rejects.toThrow('takes no text')
    await expect(read('text-generation', 'a.txt', 'Once')).rejects.toThrow('give one of them')
  })

  it('behavior: text and picture go together where a task takes both', async () => {
    const task = registry.task('text-image-joint-embedding')
    const bytes = Buffer.from(await bytesOf(read(task.name, undefined, 'a cat')))
    expect(task.input.fromContent(bytes)).toMatchObject({ text: 'a cat' })
  })

  it('behavior: what is missing is named, and what leads nowhere refused', async () => {
    await expect(read('image-classification')).rejects.toThrow('--input <picture>')
    await expect(read('text-classification')).rejects.toThrow('--prompt <text>')
    await expect(read('image-to-text', 'nowhere.png')).rejects.toThrow('there is no such file')
    await expect(read('image-to-text', 'ftp://a/b')).rejects.toThrow('https://')
    await expect(read('unconditional-image-generation', 'x')).rejects.toThrow('its seed says')
    expect(await read('image-to-text', 'ipfs://x')).toEqual({ kind: 'location', location: 'ipfs://x' })
    expect(await bytesOf(read('unconditional-image-generation'))).toBe('')
  })

  it('behavior: the help shows an example of every task', () => {
    for (const task of registry.tasks()) {
      const line = submitExamples.split('\n').find(text => text.includes(`submit ${task.name} `))
      expect([task.name, line]).toEqual([task.name, expect.any(String)])
      for (const flag of inputUsage(task).match(/--\w+/g) ?? []) expect(line).toContain(flag)
    }
  })
})
