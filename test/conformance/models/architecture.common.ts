import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AnyTask, type ManifestDocument, readTestFile } from '../../../models/index.js'
import { executorChildModule } from '../../../node/model-catalog.js'
import { type ChildProcessExecutor, childProcessExecutor } from '../../../src/execute/index.js'
import {
  type ExecutionRequest,
  FailureCode,
  type Hex,
  JobFailedError,
  type Outcome,
  systemClock
} from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const signal = new AbortController().signal
const bytesOf = (hex: Hex): Uint8Array => Buffer.from(hex.slice(2), 'hex')

/** What every model of every architecture must do, run as a worker runs it. */
export function architectureConformance(task: AnyTask, document: ManifestDocument): void {
  const { manifest, cid } = document

  describe(`${manifest.task}: ${manifest.architecture}: ${manifest.name}`, () => {
    let executor: ChildProcessExecutor
    let inputs: Uint8Array[]

    beforeAll(async () => {
      executor = childProcessExecutor({
        childModule: executorChildModule(),
        childArguments: [document.path]
      })({
        logger: silentLogger(),
        clock: systemClock
      })
      executor.start()
      inputs = await Promise.all(manifest.testVectors.map(({ input }) => readTestFile(document, input)))
    })

    afterAll(() => executor.stop())

    function run(input: ExecutionRequest['input'], seed: Hex = '0x'): Promise<Outcome> {
      const job = { key: '', category: task.category, seed, outputFormat: 0 }
      return executor.execute({ job, manifest: cid, input }, { signal })
    }

    async function output(content: Uint8Array, seed?: Hex): Promise<Hex> {
      const outcome = await run({ encoding: 'content', bytes: content }, seed)
      if (!outcome.success) {
        throw new Error(outcome.reason)
      }
      return outcome.output
    }

    test('schema: there are test vectors, and the task takes their inputs', () => {
      expect(inputs.length).toBeGreaterThan(0)
      for (const input of inputs) {
        expect(task.input.schema.safeParse(task.input.fromContent(input)).success).toBe(true)
      }
      expect(task.input.schema.safeParse(null).success).toBe(false)
      expect(task.output.schema.safeParse(null).success).toBe(false)
    })

    test('codec: input and output survive the round trip through their ABI encoding', async () => {
      for (const content of inputs) {
        const input = task.input.fromContent(content)
        expect(task.input.encode(task.input.decode(bytesOf(task.input.encode(input))))).toBe(
          task.input.encode(input)
        )
        const encoded = await output(content)
        const decoded = task.output.decode(bytesOf(encoded))
        expect(task.output.schema.safeParse(decoded).success).toBe(true)
        expect(task.output.encode(decoded)).toBe(encoded)
        expect(task.output.encode(task.output.fromContent(task.output.toContent(decoded).bytes))).toBe(
          encoded
        )
      }
    })

    test('test vectors: the outputs are the expected ones', async () => {
      for (const [index, { seed, expected }] of manifest.testVectors.entries()) {
        const found = task.output.decode(bytesOf(await output(inputs[index] ?? new Uint8Array(), seed)))
        expect(new TextDecoder().decode(task.output.toContent(found).bytes)).toBe(expected)
      }
    })

    test('seed: the same seed gives the same bytes, by ABI encoding as by content', async () => {
      const [content = new Uint8Array()] = inputs
      const first = await output(content, '0x1234')
      expect(await output(content, '0x1234')).toBe(first)
      const abi = bytesOf(task.input.encode(task.input.fromContent(content)))
      expect(await run({ encoding: 'abi', bytes: abi }, '0x1234')).toMatchObject({
        success: true,
        output: first
      })
    })

    test('bad input: a wrong ABI encoding fails with InvalidInput', async () => {
      for (const bytes of [new Uint8Array(), new Uint8Array(31), new Uint8Array(64).fill(0xff)]) {
        expect(() => task.input.decode(bytes)).toThrow(JobFailedError)
        expect(await run({ encoding: 'abi', bytes })).toMatchObject({
          success: false,
          code: FailureCode.InvalidInput
        })
      }
    })

    test('receipt: says which manifest ran on which runtime, and the hash of the output', async () => {
      const outcome = await run({ encoding: 'content', bytes: inputs[0] ?? new Uint8Array() })
      expect(outcome.receipt).toMatchObject({
        runtime: manifest.runtime.kind,
        runtimeVersion: expect.stringMatching(/^\d+\.\d+\.\d+/u),
        manifest: cid,
        outputHash: expect.stringMatching(/^0x[0-9a-f]{64}$/u)
      })
    })

    test('reload: a killed child comes back with the same answer', async () => {
      const [content = new Uint8Array()] = inputs
      const before = await output(content)
      const [pid] = executor.childPids()
      const pending = output(content)
      process.kill(pid ?? 0, 'SIGKILL')
      expect(await pending).toBe(before)
      expect(executor.childPids()).not.toContain(pid)
    })

    test('cancel: an aborted run rejects, and the next one succeeds', async () => {
      const [content = new Uint8Array()] = inputs
      const controller = new AbortController()
      const job = { key: '', category: task.category, seed: '0x' as const, outputFormat: 0 }
      const pending = expect(
        executor.execute(
          { job, manifest: cid, input: { encoding: 'content', bytes: content } },
          { signal: controller.signal }
        )
      ).rejects.toThrow('cancelled')
      controller.abort(new Error('cancelled'))
      await pending
      expect(await output(content)).toMatch(/^0x/u)
    })
  })
}
