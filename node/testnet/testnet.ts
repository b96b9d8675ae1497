import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createModelRegistry } from '../../models/index.js'
import { type Address, type Logger, ProcessError } from '../../src/interface/index.js'
import { createJobQueries, type JobQueries, type JobView } from '../client/job-queries.js'
import type { NetworkFile } from '../config/network-file.js'
import { devProvider, devSigner } from '../devnet/accounts.js'
import { type Devnet, startDevnet } from '../devnet/devnet.js'
import type { ReadyInfo } from '../event-relay.js'
import { sleep } from '../wait.js'
import type { Board } from './board.js'
import { startFleet, type TestnetNode, waitUntilReady } from './nodes.js'
import { sendRequests } from './requests.js'
import { loadSamples } from './samples.js'
import { type JobReport, type Request, verifyJob } from './verify.js'

export interface TestnetInit {
  sequencers: number
  workers: number
  jobs: number
  /** How long a lease holds, where it is not the timing's own. */
  leaseMs?: number
  board: Board
  logger: Logger
  onStep(step: string): void
  /** A line of a node's log. */
  onLog(node: string, line: string): void
  signal: AbortSignal
}

export interface TestnetReport {
  network: NetworkFile & { client: Address }
  nodes: ReadyInfo[]
  jobs: JobReport[]
  /** What is not as it should be; empty where all is well. */
  faults: string[]
}

export interface Testnet {
  /** Starts everything, sends the jobs and waits until all are final. */
  run(): Promise<TestnetReport>
  /** Absolute path of the network file. */
  networkFile: string
  /** Ends everything that was started, and removes its files. Safe to repeat, at any time. */
  stop(): Promise<void>
}

const pollIntervalMs = 200
/** A node lets its jobs go in less; after that it is killed. */
const nodeStopTimeoutMs = 8_000

/** A whole network on this machine: a chain, its contracts and subgraph, and nodes as processes of their own. */
export function testnet(init: TestnetInit): Testnet {
  const { board, signal, onStep } = init
  const directory = mkdtempSync(join(tmpdir(), 'buffalo-testnet-'))
  const networkFile = join(directory, 'network.json')
  const failure = Promise.withResolvers<never>()
  // Heard only while something waits.
  failure.promise.catch(() => undefined)
  let devnet: Devnet | undefined
  let nodes: TestnetNode[] = []
  let stopping: Promise<void> | undefined

  async function run(): Promise<TestnetReport> {
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
    nodes = startFleet({ ...init, networkFile, directory, onEvent: board.onEvent })
    watch(nodes)
    const ready = await orFail(waitUntilReady(nodes))

    onStep(`Sending ${init.jobs} requests`)
    const { network } = devnet
    const provider = devProvider(network.rpc, network.chainId)
    try {
      const requests = await orFail(
        sendRequests({
          count: init.jobs,
          samples: await loadSamples(),
          network,
          signer: devSigner(0, provider),
          signal,
          onRequest: ({ jobId, sample, requestedAtMs }) =>
            board.add({ jobId, picture: sample.file, requestedAtMs })
        })
      )
      const jobs = await orFail(waitUntilFinal(createJobQueries(network.subgraph), requests, signal))
      const workers = new Map(
        ready.flatMap(node => (node.account ? [[node.account.toLowerCase(), node.peerId]] : []))
      )
      const registry = await createModelRegistry()
      const rows = new Map(board.rows().map(row => [row.jobId, row]))
      const checked = await Promise.all(
        requests.map(request => {
          const row = rows.get(request.jobId)
          return verifyJob({
            request,
            job: jobs.get(request.jobId) as JobView,
            executions: row?.executions ?? 0,
            latencyMs: row?.finalAtMs === undefined ? undefined : row.finalAtMs - row.requestedAtMs,
            workers,
            registry,
            client: network.client,
            provider
          })
        })
      )
      return {
        network,
        nodes: ready,
        jobs: checked.map(({ report }) => report),
        faults: checked.flatMap(({ faults }) => faults)
      }
    } finally {
      provider.destroy()
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

  /** The work, or the first failure of a part that it needs, or the reason of `signal`. */
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
    run,
    networkFile,
    stop() {
      stopping ??= stop()
      return stopping
    }
  }
}

/** The final state of each requested job, by id, from the subgraph. */
async function waitUntilFinal(
  queries: JobQueries,
  requests: Request[],
  signal: AbortSignal
): Promise<Map<bigint, JobView>> {
  const final = new Map<bigint, JobView>()
  for (;;) {
    for (const job of await queries.jobs({ limit: requests.length })) {
      if (job.status !== 'open') {
        final.set(job.id, job)
      }
    }
    if (requests.every(({ jobId }) => final.has(jobId))) {
      return final
    }
    await sleep(pollIntervalMs, signal)
  }
}
