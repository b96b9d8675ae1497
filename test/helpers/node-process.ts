import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { dataFolder } from '../../models/index.js'
import { type Asked, ask, storedAnswer } from '../../node/client/ask.js'
import { createJobQueries, type JobQueries, type JobView } from '../../node/client/job-queries.js'
import type { Role } from '../../node/config/settings.js'
import { devProvider, devSigner } from '../../node/devnet/accounts.js'
import { type Devnet, startDevnet } from '../../node/devnet/devnet.js'
import type { ReadyInfo } from '../../node/event-relay.js'
import { programPath } from '../../node/paths.js'
import { type NodeProcess, startNodeProcess } from '../../node/testnet/node-process.js'
import { sleep } from '../../node/wait.js'
import type { Hex, NodeEvent } from '../../src/interface/index.js'
import { silentLogger } from './silent-logger.js'

/** Long enough for a busy machine with two cores. */
const waitTimeoutMs = 60_000

/** A directory that is removed when the test ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'buffalo-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export interface ProgramResult {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** The last line of stdout, parsed. Throws where it is no JSON. */
  json(): Record<string, unknown>
}

export interface StartedProgram {
  child: ChildProcess
  /** Resolves with the first line of stdout or stderr that the pattern matches. Rejects if the program ends before. */
  line(pattern: RegExp): Promise<string>
  result: Promise<ProgramResult>
}

/** Starts the built program as a person would, without an IPC channel. Killed when the test ends. */
export function startProgram(
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {}
): StartedProgram {
  const child = spawn(process.execPath, [programPath, ...args], {
    cwd: options.cwd ?? temporaryDirectory(),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const output = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      output[name] += chunk.toString()
      for (const check of waiting) check()
    })
  }
  const closed = once(child, 'close')
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await closed
  })
  return {
    child,
    line(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      const check = (): void => {
        const found = `${output.stdout}\n${output.stderr}`.split('\n').find(text => pattern.test(text))
        if (found !== undefined) resolve(found)
      }
      waiting.add(check)
      check()
      closed.then(() => reject(new Error(`The program ended without ${pattern}: ${output.stderr}`)))
      return promise
    },
    result: closed.then(([code, signal]) => ({
      ...output,
      code,
      signal,
      json: () => JSON.parse(output.stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
    }))
  }
}

/** Runs the built program to its end. */
export async function runProgram(
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {}
): Promise<ProgramResult> {
  return startProgram(args, options).result
}

/** A node as a process of its own, with its events. */
export interface TestNode {
  process: NodeProcess
  ready: ReadyInfo
  events: NodeEvent[]
  /** The first event, past ones included, that matches. Rejects after a minute, or if the node ends before. */
  waitForEvent(matches: (event: NodeEvent) => boolean): Promise<NodeEvent>
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>
  /** As Ctrl+C does. */
  stop(): Promise<void>
}

export interface TestNetwork {
  devnet: Devnet
  directory: string
  networkFile: string
  jobs: JobQueries
  /** Starts a node with the data directory `<directory>/<name>` and waits until it is ready. */
  start(role: Role, name: string, args?: string[]): Promise<TestNode>
  /** The same, without the wait. */
  launch(role: Role, name: string, args?: string[]): NodeProcess
  /** Sends a request through the example client, from development account 0. */
  ask(picture: Uint8Array, seed?: Hex): Promise<Asked & { callbackId: bigint }>
  /** The same for what lies at a location. */
  askFromLocation(location: string): Promise<Asked & { callbackId: bigint }>
  /** Waits until the subgraph has the job as final. Rejects after `timeoutMs` (a minute). */
  final(jobId: bigint, timeoutMs?: number): Promise<JobView>
  /** What the example client was called back with, read by RPC. */
  stored(callbackId: bigint): ReturnType<typeof storedAnswer>
}

/** What workers offer unless a test says otherwise: to load and test all models takes seconds of each worker. */
const pictureModels = join(dataFolder, 'image-to-text')

/** Starts chain, contracts and subgraph in this process; all of it, and every node, ends with the test. */
export async function createTestNetwork(): Promise<TestNetwork> {
  const directory = temporaryDirectory()
  const networkFile = join(directory, 'network.json')
  const devnet = await startDevnet({ networkFile, accounts: 20, logger: silentLogger() })
  onTestFinished(() => devnet.stop())
  const { network } = devnet
  const provider = devProvider(network.rpc, network.chainId)
  onTestFinished(() => provider.destroy())
  const signer = devSigner(0, provider)
  const jobs = createJobQueries(network.subgraph)
  const target = {
    oracle: network.oracle,
    model: network.models['image-to-text'] as Hex,
    client: network.client
  }

  const nodes: { name: string; node: NodeProcess }[] = []

  function spawnNode(
    role: Role,
    name: string,
    args: string[],
    onEvent: (event: NodeEvent) => void
  ): NodeProcess {
    const node = startNodeProcess({
      args: [
        ...['--role', role, '--network-file', networkFile, '--data-dir', join(directory, name)],
        ...(role === 'worker' && !args.includes('--models') ? ['--models', pictureModels] : []),
        ...['--log-format', 'json', ...args]
      ],
      onEvent
    })
    nodes.push({ name, node })
    onTestFinished(async () => {
      if (node.isRunning()) node.kill('SIGKILL')
      await node.exited
    })
    return node
  }

  const remembered = (asked: Asked): Asked & { callbackId: bigint } => {
    if (asked.callbackId === undefined) throw new Error('the example client did not ask')
    return { ...asked, callbackId: asked.callbackId }
  }

  return {
    devnet,
    directory,
    networkFile,
    jobs,
    launch: (role, name, args = []) => spawnNode(role, name, args, () => undefined),
    async start(role, name, args = []) {
      const events: NodeEvent[] = []
      const listeners = new Set<(event: NodeEvent) => void>()
      const node = spawnNode(role, name, args, event => {
        events.push(event)
        for (const listener of listeners) listener(event)
      })
      const ready = await node.ready(waitTimeoutMs)
      return {
        process: node,
        ready,
        events,
        async waitForEvent(matches) {
          const past = events.find(matches)
          if (past !== undefined) return past
          const { promise, resolve, reject } = Promise.withResolvers<NodeEvent>()
          const listener = (event: NodeEvent): void => {
            if (matches(event)) resolve(event)
          }
          listeners.add(listener)
          const fail = (why: string): void =>
            reject(
              new Error(
                `${name} ${why}; it told ${events.map(({ type }) => type).join(' ')}; ${node.log().join('\n')}`
              )
            )
          const timer = setTimeout(() => fail('did not tell the event'), waitTimeoutMs)
          node.exited.then(() => fail('ended before the event'))
          return promise.finally(() => {
            clearTimeout(timer)
            listeners.delete(listener)
          })
        },
        async kill() {
          node.kill('SIGKILL')
          await node.exited
        },
        stop: () => node.stop(20_000)
      }
    },
    ask: async (bytes, seed = '0x01') =>
      remembered(await ask(target, { kind: 'content', bytes }, seed, signer)),
    askFromLocation: async location =>
      remembered(await ask(target, { kind: 'location', location }, '0x01', signer)),
    async final(jobId, timeoutMs = waitTimeoutMs) {
      const deadlineMs = performance.now() + timeoutMs
      for (;;) {
        const job = await jobs.job(jobId)
        if (job !== undefined && job.status !== 'open') return job
        if (performance.now() >= deadlineMs)
          throw new Error(
            [
              `job ${jobId} is not final after ${timeoutMs} ms`,
              ...nodes.flatMap(({ name, node }) => [
                `${name}${node.isRunning() ? '' : ' (ended)'}:`,
                ...node.log()
              ])
            ].join('\n')
          )
        await sleep(100)
      }
    },
    stored: callbackId => storedAnswer(network.client, callbackId, provider)
  }
}
