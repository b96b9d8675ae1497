import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AnyArchitecture,
  type AnyTask,
  cidOfBytes,
  type ManifestDocument,
  openModelFiles,
  readTestFile
} from '../../../models/index.js'
import { executorChildModule } from '../../../node/model-catalog.js'
import { failedVector } from '../../../node/models/test-vectors.js'
import { type ChildProcessExecutor, childProcessExecutor } from '../../../src/execute/index.js'
import {
  type Execution,
  type ExecutionRequest,
  FailureCode,
  type Hex,
  JobFailedError,
  systemClock
} from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const never = new AbortController().signal
const bytesOf = (hex: Hex): Uint8Array => Buffer.from(hex.slice(2), 'hex')
/** Longer than any seed of a test vector, so that it is another one. */
const otherSeed: Hex = `0x${'5a'.repeat(40)}`

/** What every model of every architecture must do, run as a worker runs it: in a child process. */
export function architectureConformance(
  task: AnyTask,
  architecture: AnyArchitecture,
  document: ManifestDocument
): void {
  const { manifest, cid } = document
  const [firstVector] = manifest.testVectors

  describe(`${manifest.task}: ${manifest.architecture}: ${manifest.name}`, () => {
    let executor: ChildProcessExecutor
    let inputs: Uint8Array[]
    let expected: Execution

    beforeAll(async () => {
      executor = childProcessExecutor({
        childModule: executorChildModule(),
        childArguments: [document.path]
      })({ logger: silentLogger(), clock: systemClock })
      executor.start()
      inputs = await Promise.all(manifest.testVectors.map(({ input }) => readTestFile(document, input)))
      expected = await run({})
    })

    afterAll(() => executor.stop())

    /** The first test vector, changed. */
    function run(
      changes: Partial<ExecutionRequest> & { seed?: Hex },
      signal: AbortSignal = never
    ): Promise<Execution> {
      const { seed = firstVector?.seed ?? '0x', ...request } = changes
      return executor.execute(
        {
          job: { key: '', category: task.category, seed, outputFormat: 0 },
          manifest: cid,
          input: { encoding: 'content', bytes: inputs[0] ?? new Uint8Array() },
          reads: firstVector?.reads?.map(bytesOf),
          output: 'content',
          ...request
        },
        { signal }
      )
    }

    function contentOf(outcome: Execution): Uint8Array {
      if (!outcome.success) {
        throw new Error(outcome.reason)
      }
      return outcome.content?.bytes ?? new Uint8Array()
    }

    test('schema: there are test vectors, and the task takes their inputs', () => {
      expect(inputs.length).toBeGreaterThan(0)
      for (const input of inputs) {
        expect(task.input.schema.safeParse(task.input.fromContent(input)).success).toBe(true)
      }
    })

    test('files: all that the manifest names travels with the model, and has the hash that it says', async () => {
      await openModelFiles(document)
      const paths = Object.values(manifest.files).map(file => file.path)
      for (const vector of manifest.testVectors) {
        expect(paths).toContain(vector.input)
        if (typeof vector.expected !== 'string') {
          expect(paths).toContain(vector.expected.file)
        }
      }
    })

    test('test vectors: the outputs are the expected ones', async () => {
      for (const vector of manifest.testVectors) {
        expect(await failedVector(document, task, vector, executor, never)).toBeUndefined()
      }
    })

    test('codec: input and output survive the round trip through ABI encoding and file', () => {
      for (const content of inputs) {
        const input = task.input.fromContent(content)
        const encoded = task.input.encode(input)
        expect(task.input.encode(task.input.decode(bytesOf(encoded)))).toBe(encoded)
        expect(task.input.encode(task.input.fromContent(task.input.toContent(input).bytes))).toBe(encoded)
      }
      const output = task.output.fromContent(contentOf(expected))
      expect(task.output.schema.safeParse(output).success).toBe(true)
      const encoded = task.output.encode(output)
      expect(task.output.encode(task.output.decode(bytesOf(encoded)))).toBe(encoded)
      expect(cidOfBytes(task.output.toContent(output).bytes)).toBe(cidOfBytes(contentOf(expected)))
    })

    test('seed: the same one gives the same bytes, by ABI encoding as by file', async () => {
      const abi = bytesOf(task.input.encode(task.input.fromContent(inputs[0] ?? new Uint8Array())))
      const again = await run({ input: { encoding: 'abi', bytes: abi } })
      expect(cidOfBytes(contentOf(again))).toBe(cidOfBytes(contentOf(expected)))
      expect(again.receipt).toEqual(expected.receipt)
    })

    test(`seed: another one gives ${architecture.usesSeed?.(manifest) === true ? 'other' : 'the same'} bytes`, async () => {
      const isSame = cidOfBytes(contentOf(await run({ seed: otherSeed }))) === cidOfBytes(contentOf(expected))
      expect(isSame).toBe(architecture.usesSeed?.(manifest) !== true)
    })

    test('bad input: what is no input of the task fails with InvalidInput', async () => {
      for (const bytes of [new Uint8Array(31), new Uint8Array(64).fill(0xff)]) {
        expect(() => task.input.decode(bytes)).toThrow(JobFailedError)
        expect(await run({ input: { encoding: 'abi', bytes } })).toMatchObject({
          success: false,
          code: FailureCode.InvalidInput
        })
      }
      expect(await run({ job: { key: '', category: 999, seed: '0x', outputFormat: 0 } })).toMatchObject({
        success: false,
        code: FailureCode.UnknownTask
      })
    })

    test('receipt: says which manifest ran on which runtime, and the hash of the output', () => {
      expect(expected.receipt).toMatchObject({
        runtime: manifest.runtime.kind,
        runtimeVersion: expect.stringMatching(/^\d+\.\d+\.\d+/u),
        manifest: cid,
        cpu: expect.stringMatching(/./u),
        // A CID of raw bytes is their SHA-256 in other letters.
        outputHash: expect.stringMatching(/^0x[0-9a-f]{64}$/u)
      })
    })

    test('cancel and reload: an aborted run rejects, a killed child comes back, and the answer stays the same', async () => {
      const controller = new AbortController()
      const cancelled = expect(run({}, controller.signal)).rejects.toThrow('cancelled')
      controller.abort(new Error('cancelled'))
      await cancelled

      const pending = run({})
      const pid = await childOf(executor)
      process.kill(pid, 'SIGKILL')
      expect(cidOfBytes(contentOf(await pending))).toBe(cidOfBytes(contentOf(expected)))
      expect(executor.childPids()).not.toContain(pid)
    })
  })
}

/** The process that runs, as soon as there is one. */
async function childOf(executor: ChildProcessExecutor): Promise<number> {
  for (;;) {
    const [pid] = executor.childPids()
    if (pid !== undefined) {
      return pid
    }
    await delay(5)
  }
}
