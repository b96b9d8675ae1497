import { join } from 'node:path'
import type { NodeEvent } from '../../src/interface/index.js'
import type { Role } from '../config/settings.js'
import type { ReadyInfo } from '../event-relay.js'
import { type NodeProcess, startNodeProcess } from './node-process.js'

/** A node of the local network. */
export interface TestnetNode {
  /** `worker-1`, … */
  name: string
  role: Role
  process: NodeProcess
}

export interface FleetInit {
  sequencers: number
  workers: number
  networkFile: string
  /** Each node's data directory lies in it, under the node's name. */
  directory: string
  /** Further arguments of each worker. */
  workerArgs?: string[]
  onEvent(node: string, event: NodeEvent): void
  onLog(node: string, line: string): void
}

/** Slow machines take 10 s to load and test the model, and all nodes share the processor. */
export const readyTimeoutMs = 60_000

/** Starts all nodes at once, each as a process of its own. Worker n has the development account n. */
export function startFleet(init: FleetInit): TestnetNode[] {
  const start = (role: Role, index: number, args: string[]): TestnetNode => {
    const name = `${role}-${index}`
    const process = startNodeProcess({
      args: [
        ...['--role', role, '--network-file', init.networkFile, '--data-dir', join(init.directory, name)],
        ...['--log-format', 'json', ...args]
      ],
      onEvent: event => init.onEvent(name, event),
      onLog: line => init.onLog(name, line)
    })
    return { name, role, process }
  }
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
  return [
    ...numbers(init.sequencers).map(index => start('sequencer', index, [])),
    ...numbers(init.workers).map(index =>
      start('worker', index, ['--account-index', String(index), ...(init.workerArgs ?? [])])
    )
  ]
}

/** What each node says of itself, in order. Throws ProcessError, TimeoutError. */
export async function waitUntilReady(
  nodes: TestnetNode[],
  timeoutMs: number = readyTimeoutMs
): Promise<ReadyInfo[]> {
  return Promise.all(nodes.map(node => node.process.ready(timeoutMs)))
}
