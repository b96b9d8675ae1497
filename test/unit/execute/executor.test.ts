import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { getPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import type { ChildProcessExecutorInit } from '../../../src/execute/index.js'
import { type ChildProcessExecutor, childProcessExecutor } from '../../../src/execute/index.js'
import {
  type ExecutionRequest,
  FailureCode,
  ProcessError,
  systemClock
} from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { ended, isRunning } from './processes.js'

const childModule = fileURLToPath(new URL('./fixtures/child.mjs', import.meta.url))
const signal = new AbortController().signal
const started: ChildProcessExecutor[] = []

function startExecutor(init: Partial<ChildProcessExecutorInit> = {}): ChildProcessExecutor {
  const executor = childProcessExecutor({ childModule, ...init })({
    logger: silentLogger(),
    clock: systemClock
  })
  started.push(executor)
  executor.start()
  return executor
}

afterEach(async () => {
  await Promise.all(started.splice(0).map(executor => executor.stop()))
})

function request(action: string, changes: Partial<ExecutionRequest> = {}): ExecutionRequest {
  return {
    job: { key: '', category: 5, seed: '0x', outputFormat: 0 },
    manifest: 'known',
    input: { encoding: 'content', bytes: Buffer.from(action) },
    ...changes
  }
}

async function output(executor: ChildProcessExecutor, action: string): Promise<string> {
  const outcome = await executor.execute(request(action), { signal })
  if (!outcome.success) {
    throw new Error(outcome.reason)
  }
  return Buffer.from(outcome.output.slice(2), 'hex').toString()
}

test('executor: answers with output and receipt, and keeps its child between runs', async () => {
  const executor = startExecutor()
  const outcome = await executor.execute(request('echo abc'), { signal })
  expect(outcome).toMatchObject({
    success: true,
    output: '0x616263',
    receipt: {
      runtime: 'native',
      runtimeVersion: '1.2.3',
      manifest: 'known',
      // SHA-256 of "abc", as FIPS 180-2 prints it.
      outputHash: '0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    }
  })
  expect(await output(executor, 'runs')).toBe('2')
})

test('executor: the child has no environment but its channel, and a lower priority', async () => {
  process.env.BUFFALO_TEST_SECRET = 'secret'
  const executor = startExecutor()
  delete process.env.BUFFALO_TEST_SECRET
  const names: string[] = JSON.parse(await output(executor, 'environment'))
  expect(names.filter(name => !name.startsWith('NODE_CHANNEL'))).toEqual([])
  expect(getPriority(executor.childPids()[0])).toBeGreaterThanOrEqual(10)
})

test('executor: a run that takes too long is killed and fails with Timeout and its receipt', async () => {
  // On a busy machine a run that takes no time by itself must end in it.
  const executor = startExecutor({ timeoutMs: 2_000 })
  expect(await output(executor, 'echo warm')).toBe('warm')
  const [pid] = executor.childPids()
  const outcome = await executor.execute(request('block'), { signal })
  expect(outcome).toMatchObject({ success: false, code: FailureCode.Timeout, receipt: { manifest: 'known' } })
  expect(isRunning(pid ?? 0)).toBe(false)
})

test('executor: native memory beyond the cap fails with OutOfMemory, and the next run succeeds', async () => {
  const executor = startExecutor({ memoryBytes: 300 * 2 ** 20, timeoutMs: 60_000 })
  const outcome = await executor.execute(request('native'), { signal })
  expect(outcome).toMatchObject({
    success: false,
    code: FailureCode.OutOfMemory,
    receipt: { manifest: 'known' }
  })
  expect(await output(executor, 'echo again')).toBe('again')
})

test('executor: an exhausted JavaScript heap fails with OutOfMemory', async () => {
  // Half of it is the heap; the other half keeps the watch on resident memory from being first.
  const executor = startExecutor({ memoryBytes: 400 * 2 ** 20 })
  expect(await executor.execute(request('heap'), { signal })).toMatchObject({
    success: false,
    code: FailureCode.OutOfMemory
  })
})

test('executor: a crash is tried once more in a fresh child, then fails with ModelFailed', async () => {
  const executor = startExecutor()
  const outcome = await executor.execute(request('abort'), { signal })
  expect(outcome).toMatchObject({
    success: false,
    code: FailureCode.ModelFailed,
    receipt: { manifest: 'known' }
  })
  expect(await output(executor, 'runs')).toBe('1')
})

test('executor: a child killed from outside during a run costs that run nothing but time', async () => {
  const executor = startExecutor()
  const pid = Number(await output(executor, 'pid'))
  const pending = output(executor, 'pid')
  process.kill(pid, 'SIGKILL')
  expect(Number(await pending)).not.toBe(pid)
})

test('executor: an aborted run rejects with the reason, once its child is gone', async () => {
  const executor = startExecutor()
  expect(await output(executor, 'echo warm')).toBe('warm')
  const [pid] = executor.childPids()
  const controller = new AbortController()
  const pending = executor.execute(request('block'), { signal: controller.signal })
  const queued = executor.execute(request('block'), { signal: controller.signal })
  const rejected = Promise.all([
    expect(pending).rejects.toThrow('a better lease'),
    expect(queued).rejects.toThrow('a better lease')
  ])
  // The run is sent to the child in this turn of the event loop.
  await new Promise(resolve => setImmediate(resolve))
  controller.abort(new Error('a better lease'))
  await rejected
  expect(isRunning(pid ?? 0)).toBe(false)
  expect(await output(executor, 'echo next')).toBe('next')
})

test('executor: runs wait for their turn in order, as many at a time as it has children', async () => {
  const executor = startExecutor({ concurrency: 2 })
  const outputs = await Promise.all(
    ['a', 'b', 'c', 'd', 'e'].map(letter => output(executor, `echo ${letter}`))
  )
  expect(outputs).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(executor.childPids()).toHaveLength(2)
})

test('executor: an exception of the model fails the job; a model that this machine lacks does not', async () => {
  const executor = startExecutor()
  const run = (changes: Partial<ExecutionRequest>) =>
    executor.execute(request('throw why', changes), { signal })
  expect(await run({})).toMatchObject({
    success: false,
    code: FailureCode.ModelFailed,
    reason: 'The model failed: why'
  })
  expect(await run({ manifest: 'unknown' })).toMatchObject({ success: false, code: FailureCode.UnknownModel })
  expect(await run({ job: { key: '', category: 3, seed: '0x', outputFormat: 0 } })).toMatchObject({
    code: FailureCode.UnknownTask
  })
  expect(await run({ job: { key: '', category: 5, seed: '0x', outputFormat: 1 } })).toMatchObject({
    code: FailureCode.Unsupported
  })
  await expect(run({ manifest: 'broken' })).rejects.toThrow(ProcessError)
})

test('executor: an output beyond the limit fails with OutputTooLarge', async () => {
  const executor = startExecutor({ maxOutputBytes: 3 })
  expect(await output(executor, 'echo abc')).toBe('abc')
  expect(await executor.execute(request('echo abcd'), { signal })).toMatchObject({
    success: false,
    code: FailureCode.OutputTooLarge
  })
})

test('executor: a child that breaks the protocol is ended, and what it writes is dropped', async () => {
  const executor = startExecutor()
  expect(await output(executor, 'chatter')).toBe('quiet')
  expect(await executor.execute(request('lie'), { signal })).toMatchObject({ code: FailureCode.ModelFailed })
})

test('executor: stop ends every child and rejects what runs; it can start again', async () => {
  const executor = startExecutor()
  expect(await output(executor, 'echo warm')).toBe('warm')
  const pids = executor.childPids()
  const pending = expect(executor.execute(request('block'), { signal })).rejects.toThrow(ProcessError)
  await executor.stop()
  await executor.stop()
  await pending
  expect(pids.filter(isRunning)).toEqual([])
  expect(executor.childPids()).toEqual([])
  await expect(executor.execute(request('echo x'), { signal })).rejects.toThrow(ProcessError)
  executor.start()
  expect(await output(executor, 'echo back')).toBe('back')
})

test('executor: a child that does not start is the fault of this machine', async () => {
  const executor = startExecutor({
    childModule: fileURLToPath(new URL('./fixtures/none.mjs', import.meta.url))
  })
  await expect(executor.execute(request('echo x'), { signal })).rejects.toThrow(/does not start/u)
})

test('executor: kill -9 of the parent ends a child that is inside a blocking run', async () => {
  const parentModule = fileURLToPath(new URL('./fixtures/parent.mjs', import.meta.url))
  const parent = spawn(process.execPath, [parentModule, childModule], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(parent, 'exit')
  let childPid: number | undefined
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    childPid = Number(line.toString())
    expect(isRunning(childPid)).toBe(true)
    parent.kill('SIGKILL')
    await exited
    await ended(childPid)
  } finally {
    parent.kill('SIGKILL')
    if (childPid !== undefined && isRunning(childPid)) {
      process.kill(childPid, 'SIGKILL')
    }
  }
})

test('executor: a run with an expected output fails where the output differs', async () => {
  const executor = startExecutor()
  const expected = { bytes: Buffer.from('abc'), tolerance: 0 }
  expect(await executor.execute(request('echo abc', { expected }), { signal })).toMatchObject({
    success: true
  })
  expect(await executor.execute(request('echo abd', { expected }), { signal })).toMatchObject({
    success: false,
    code: FailureCode.ModelFailed,
    reason: 'it is not what it should be'
  })
})

test('executor: an output that is a file comes with its media type and the hash of its bytes', async () => {
  const outcome = await startExecutor().execute(request('echo abc', { output: 'content' }), { signal })
  expect(outcome).toMatchObject({
    success: true,
    output: '0x',
    content: { mediaType: 'text/plain' },
    receipt: { outputHash: '0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' }
  })
  expect(Buffer.from((outcome.success && outcome.content?.bytes) || '').toString()).toBe('abc')
})

test('executor: an output above its limit fails with OutputTooLarge, on chain and as a file', async () => {
  const executor = startExecutor({ maxOutputBytes: 3, maxContentBytes: 4 })
  const run = (action: string, output: 'abi' | 'content') =>
    executor.execute(request(action, { output }), { signal })
  expect(await run('echo abc', 'abi')).toMatchObject({ success: true })
  expect(await run('echo abcd', 'abi')).toMatchObject({ code: FailureCode.OutputTooLarge })
  expect(await run('echo abcd', 'content')).toMatchObject({ success: true })
  expect(await run('echo abcde', 'content')).toMatchObject({ code: FailureCode.OutputTooLarge })
})

test('executor: models stay warm up to a quarter of the memory, and the least recently used makes room', async () => {
  // Each of the large models has 100 MiB of files, and counts for 108: three of them fit into 325 MiB.
  const executor = startExecutor({ memoryBytes: 1300 * 2 ** 20 })
  const closed = async (manifest: string): Promise<string> => {
    const outcome = await executor.execute(request('closed', { manifest }), { signal })
    return outcome.success ? Buffer.from(outcome.output.slice(2), 'hex').toString() : outcome.reason
  }
  for (const manifest of ['large-a', 'large-b', 'large-c', 'large-a']) {
    expect(await closed(manifest)).toBe('')
  }
  expect(await closed('large-d')).toBe('large-b')
  expect(await closed('large-a')).toBe('large-b')
  expect(await closed('large-c')).toBe('large-b')
  expect(await closed('large-e')).toBe('large-b,large-d')
})
