import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Address, type Logger, type NodeEvent, ProcessError } from '../../src/interface/index.js'
import type { NetworkFile } from '../config/network-file.js'
import { type Devnet, startDevnet } from '../devnet/devnet.js'
import type { ReadyInfo } from '../event-relay.js'
import { startFleet, type TestnetNode, waitUntilReady } from './nodes.js'

export interface LocalNetworkInit {
  sequencers: number
  workers: number
  /** How long a lease holds, where it is not the timing's own. */
  leaseMs?: number
  /** Further arguments of each worker. */
  workerArgs?: string[]
  /** How long the nodes may take to be ready. Default: `readyTimeoutMs` of nodes.ts. */
  readyTimeoutMs?: number
  logger: Logger
  onStep(step: string): void
  onEvent(node: string, event: NodeEvent): void
  /** A line of a node's log. */
  onLog(node: string, line: string): void
  signal: AbortSignal
}

/** A chain, its contracts and subgraph, and nodes as processes of their own. */
export interface LocalNetwork {
  /** Absolute path of the network file. */
  networkFile: string
  start(): Promise<{ network: NetworkFile & { client: Address }; nodes: ReadyInfo[] }>
  /** The work, or the first failure of a part that it needs, or the reason of the signal. */
  orFail<T>(work: Promise<T>): Promise<T>
  /** Ends everything that was started, and removes its files. Safe to repeat, at any time. */
  stop(): Promise<void>
}

/** A node lets its jobs go in less; after that it is killed. */
const nodeStopTimeoutMs = 8_000

export function localNetwork(init: LocalNetworkInit): LocalNetwork {
  const { signal, onStep } = init
  const directory = mkdtempSync(join(tmpdir(), 'buffalo-testnet-'))
  const networkFile = join(directory, 'network.json')
  const failure = Promise.withResolvers<never>()
  // Heard only while something waits.
  failure.promise.catch(() => undefined)
  let devnet: Devnet | undefined
  let nodes: TestnetNode[] = []
  let stopping: Promise<void> | undefined

  async function start(): ReturnType<LocalNetwork['start']> {
    devnet = await startDevnet({
      networkFile,
      accounts: Math.max(10, init.workers + 1),
      ...(init.leaseMs === undefined ? {} : { leaseMs: init.leaseMs }),
      logger: init.logger,
      onStep,
      signal
    })
    devnet.onCrash(failure.reject)
    signal.throwIfAborted()

    onStep(`Starting ${init.sequencers} sequencers and ${init.workers} workers`)
    nodes = startFleet({ ...init, networkFile, directory })
    watch(nodes)
    return {
      network: devnet.network,
      nodes: await orFail(waitUntilReady(nodes, init.readyTimeoutMs))
    }
  }

  /** A node that ends while the network runs is a fault, whatever its jobs came to. */
  function watch(started: TestnetNode[]): void {
    for (const { name, process } of started) {
      process.exited.then(({ code, signal: by }) => {
        if (stopping === undefined) {
          const said = process.log().slice(-3).join(' | ')
          failure.reject(new ProcessError(`${name} ended by itself (${by ?? `code ${code}`}): ${said}`))
        }
      })
    }
  }

  async function orFail<T>(work: Promise<T>): Promise<T> {
    const abort = (): void => failure.reject(signal.reason)
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      return await Promise.race([work, failure.promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async function stop(): Promise<void> {
    await Promise.all(nodes.map(node => node.process.stop(nodeStopTimeoutMs)))
    await devnet?.stop()
    rmSync(directory, { recursive: true, force: true })
  }

  return {
    networkFile,
    start,
    orFail,
    stop() {
      stopping ??= stop()
      return stopping
    }
  }
}
