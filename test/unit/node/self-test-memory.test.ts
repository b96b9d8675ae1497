import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cidOfBytes } from '../../../models/index.js'
import { createModelCatalog } from '../../../node/model-catalog.js'
import { openSelfTestMemory } from '../../../node/models/self-test-memory.js'
import { packageRoot } from '../../../node/paths.js'
import type { Execution, ExecutionRequest, Executor } from '../../../src/interface/index.js'
import { temporaryDirectory } from '../../helpers/node-process.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const cid = cidOfBytes(Buffer.from('a'))
const { signal } = new AbortController()

test('self-test memory: what passed is known to the next start, and to workers beside this one', async () => {
  const file = join(temporaryDirectory(), 'cache/self-tests')
  const memory = await openSelfTestMemory(file)
  expect(memory.has(cid)).toBe(false)
  await memory.remember(cid)
  expect(memory.has(cid)).toBe(true)
  expect((await openSelfTestMemory(file)).has(cid)).toBe(true)
  expect((await openSelfTestMemory(file)).has(cidOfBytes(Buffer.from('b')))).toBe(false)
  expect(readFileSync(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/u)
})

test('self-test memory: a file that cannot be written means only that tests are run again', async () => {
  const folder = join(temporaryDirectory(), 'self-tests')
  mkdirSync(folder)
  const memory = await openSelfTestMemory(folder)
  await memory.remember(cid)
  expect((await openSelfTestMemory(folder)).has(cid)).toBe(false)
})

test('self-test memory: a catalog tests what it does not know, and only that', async () => {
  const ran: string[] = []
  const executor: Executor = {
    start: () => undefined,
    stop: () => undefined,
    async execute({ manifest }: ExecutionRequest): Promise<Execution> {
      ran.push(manifest)
      return {
        success: true,
        output: '0x',
        content: { bytes: Buffer.from(expected), mediaType: 'application/json' },
        receipt: { runtime: 'native', runtimeVersion: '1', manifest, cpu: '', outputHash: '0x' }
      }
    }
  }
  const expected = '{"outputs":[{"name":"product","shape":[2,2],"datatype":"FP32","data":[4,3,9.25,6]}]}'
  const memory = await openSelfTestMemory(join(temporaryDirectory(), 'self-tests'))
  const manifests = [join(packageRoot, 'models/tensor')]
  for (const runs of [1, 1]) {
    const catalog = await createModelCatalog({ manifests, memory, logger: silentLogger() })
    await catalog.selfTest(executor, { signal })
    expect(catalog.models()).toHaveLength(1)
    expect(ran).toHaveLength(runs)
  }
})
