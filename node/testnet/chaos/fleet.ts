import { createWriteStream, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { type NodeEvent, ProcessError } from '../../../src/interface/index.js'
import type { Role } from '../../config/settings.js'
import type { NodeHealth } from '../../control.js'
import type { ReadyInfo } from '../../event-relay.js'
import { type NodeProcess, startNodeProcess } from '../node-process.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import type { Namespaces } from './namespaces.js'

export interface FleetInit {
  sequencers: number
  workers: number
  networkFile: string
  /** Data directories and logs lie in it, under the nodes' names. */
  directory: string
  rpc: string
  subgraph: string
  /** Whether each node reaches chain and subgraph through a proxy of its own. */
  proxies: boolean
  /** A namespace for each node, by name: connections are cut there. Undefined: by the nodes' connection gaters. Needs proxies. */
  namespaces: Namespaces | undefined
  onEvent(node: string, event: NodeEvent): void
}

/** A node that is killed, paused, cut off and started again; its name, data directory and identity stay. */
export interface FleetNode {
  readonly name: string
  readonly role: Role
  /** Between it and the chain; undefined without proxies. */
  readonly rpc: FaultProxy | undefined
  readonly subgraph: FaultProxy | undefined
  /** As it was when it was last ready. */
  info(): ReadyInfo
  isUp(): boolean
  /** Starts its process under the same data directory, and waits until it is ready. Does nothing while it runs. */
  start(): Promise<void>
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>
  /** SIGSTOP: it stands still, and knows nothing of it. */
  pause(): void
  resume(): void
  /** Undefined if it does not answer. `reset`: its event loop is measured anew from here on. */
  health(options?: { reset: boolean }): Promise<NodeHealth | undefined>
}

interface ManagedNode extends FleetNode {
  setDenied(peerId: string, isDenied: boolean): void
  stop(): Promise<void>
}

export interface Fleet {
  readonly nodes: FleetNode[]
  node(name: string): FleetNode
  /** Starts all. */
  start(): Promise<void>
  /**
   * Cuts the connection between two nodes, on both sides; it stays cut when one is started again. Between namespaces packets vanish
   * and neither side is told; gaters close it.
   */
  cut(a: string, b: string): void
  heal(a: string, b: string): void
  /** Ends that came of themselves. */
  crashes(): string[]
  /** Ends all. Safe to repeat. */
  stop(): Promise<void>
}

/** On a busy machine of two cores, a worker loads and tests its model in half a minute at most. */
const readyTimeoutMs = 90_000
/** A node lets its jobs go in less; after that it is killed. */
const stopTimeoutMs = 8_000
/** A node that is that late does not answer. */
const healthTimeoutMs = 5_000

/** `sequencer-1`, … `worker-1`, …: the nodes of a fleet. */
export function nodeNames({ sequencers, workers }: { sequencers: number; workers: number }): string[] {
  const named = (role: Role, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${role}-${index + 1}`)
  return [...named('sequencer', sequencers), ...named('worker', workers)]
}

export async function createFleet(init: FleetInit): Promise<Fleet> {
  const crashes: string[] = []
  const cuts = new Set<string>()
  const logs: WriteStream[] = []
  let isStopping = false

  async function createNode(role: Role, index: number): Promise<ManagedNode> {
    const name = `${role}-${index}`
    const log = createWriteStream(join(init.directory, `${name}.log`), { flags: 'a' })
    logs.push(log)
    const place = init.namespaces?.place(name)
    const rpc = init.proxies ? await startFaultProxy(init.rpc, init.namespaces?.host) : undefined
    const subgraph = init.proxies ? await startFaultProxy(init.subgraph, init.namespaces?.host) : undefined
    const args = [
      ...['--role', role, '--network-file', init.networkFile, '--data-dir', join(init.directory, name)],
      ...['--log-format', 'json'],
      ...(rpc === undefined ? [] : ['--rpc-url', rpc.url]),
      ...(subgraph === undefined ? [] : ['--subgraph-url', subgraph.url]),
      ...(place === undefined ? [] : ['--listen', `/ip4/${place.address}/tcp/0`]),
      ...(role === 'worker' ? ['--account-index', String(index)] : [])
    ]
    let process: NodeProcess | undefined
    let info: ReadyInfo | undefined
    let isReady = false

    function launch(): NodeProcess {
      const started = startNodeProcess({
        args,
        ...(place === undefined ? {} : { command: place.command }),
        onEvent: event => init.onEvent(name, event),
        onLog: line => log.write(`${line}\n`)
      })
      started.exited.then(({ code, signal }) => {
        isReady = false
        if (!isStopping && signal !== 'SIGKILL') {
          crashes.push(
            `${name} ended by itself (${signal ?? `code ${code}`}): ${started.log().slice(-3).join(' | ')}`
          )
        }
      })
      return started
    }

    return {
      name,
      role,
      rpc,
      subgraph,
      info() {
        if (info === undefined) throw new ProcessError(`${name} has not been started yet`)
        return info
      },
      isUp: () => isReady,
      async start() {
        if (process?.isRunning() === true) return
        process = launch()
        info = await process.ready(readyTimeoutMs)
        isReady = true
        for (const cut of cuts) tellGaters(cut, true)
      },
      async kill() {
        isReady = false
        process?.kill('SIGKILL')
        await process?.exited
      },
      pause: () => process?.kill('SIGSTOP'),
      resume: () => process?.kill('SIGCONT'),
      health: async (options = { reset: false }) =>
        isReady ? process?.health({ ...options, timeoutMs: healthTimeoutMs }) : undefined,
      async stop() {
        process?.kill('SIGCONT')
        await process?.stop(stopTimeoutMs)
        await rpc?.stop()
        await subgraph?.stop()
      },
      setDenied: (peerId, isDenied) => process?.setDenied(peerId, isDenied)
    }
  }

  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
  const nodes = await Promise.all([
    ...numbers(init.sequencers).map(index => createNode('sequencer', index)),
    ...numbers(init.workers).map(index => createNode('worker', index))
  ])

  function node(name: string): ManagedNode {
    const found = nodes.find(candidate => candidate.name === name)
    if (found === undefined) throw new ProcessError(`There is no node ${name}`)
    return found
  }

  /** A node that is started anew knows nothing of a cut. */
  function tellGaters(cut: string, isDenied: boolean): void {
    if (init.namespaces !== undefined) return
    const [a = '', b = ''] = cut.split(' ')
    for (const [from, to] of [
      [a, b],
      [b, a]
    ] as const) {
      if (node(from).isUp()) node(from).setDenied(node(to).info().peerId, isDenied)
    }
  }

  const nameOfCut = (a: string, b: string): string => [a, b].sort().join(' ')
  let stopping: Promise<void> | undefined

  async function stop(): Promise<void> {
    isStopping = true
    await Promise.all(nodes.map(one => one.stop()))
    for (const log of logs) log.end()
  }

  return {
    nodes,
    node,
    async start() {
      await Promise.all(nodes.map(one => one.start()))
    },
    cut(a, b) {
      cuts.add(nameOfCut(a, b))
      init.namespaces?.cut(a, b)
      tellGaters(nameOfCut(a, b), true)
    },
    heal(a, b) {
      cuts.delete(nameOfCut(a, b))
      init.namespaces?.heal(a, b)
      tellGaters(nameOfCut(a, b), false)
    },
    crashes: () => [...crashes],
    stop() {
      stopping ??= stop()
      return stopping
    }
  }
}
