import { join } from 'node:path'
import { dataFolder } from '../../models/index.js'
import type { Address, Logger } from '../../src/interface/index.js'
import { createJobQueries, type JobQueries, type JobView } from '../client/job-queries.js'
import { readTasks } from '../client/task-registry.js'
import type { NetworkFile } from '../config/network-file.js'
import { devProvider, devSigner } from '../devnet/accounts.js'
import type { ReadyInfo } from '../event-relay.js'
import { sleep } from '../wait.js'
import type { Board } from './board.js'
import { localNetwork } from './local-network.js'
import { sendRequests } from './requests.js'
import { loadSamples } from './samples.js'
import { type JobReport, verifyJob } from './verify.js'

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

/** A whole network on this machine, which reads pictures. */
export function testnet(init: TestnetInit): Testnet {
  const { board, signal, onStep } = init
  const local = localNetwork({
    ...init,
    onEvent: board.onEvent,
    // The requests are pictures: the workers need not load and test the other models.
    workerArgs: ['--models', join(dataFolder, 'image-to-text')]
  })

  async function run(): Promise<TestnetReport> {
    const { network, nodes } = await local.start()
    onStep(`Sending ${init.jobs} requests`)
    const provider = devProvider(network.rpc, network.chainId)
    try {
      const requests = await local.orFail(
        sendRequests({
          count: init.jobs,
          samples: await loadSamples(),
          network,
          signer: devSigner(0, provider),
          signal,
          onRequest: ({ jobId, sample, requestedAtMs }) =>
            board.add({ jobId, subject: sample.file, requestedAtMs })
        })
      )
      const jobIds = requests.map(({ jobId }) => jobId)
      const jobs = await local.orFail(waitUntilFinal(createJobQueries(network.subgraph), jobIds, signal))
      const workers = new Map(
        nodes.flatMap(node => (node.account ? [[node.account.toLowerCase(), node.peerId]] : []))
      )
      const registry = await readTasks()
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
        nodes,
        jobs: checked.map(({ report }) => report),
        faults: checked.flatMap(({ faults }) => faults)
      }
    } finally {
      provider.destroy()
    }
  }

  return { run, networkFile: local.networkFile, stop: local.stop }
}

/** The final state of each job, by id, from the subgraph. No other job was requested since the first of them. */
export async function waitUntilFinal(
  queries: JobQueries,
  jobIds: bigint[],
  signal: AbortSignal
): Promise<Map<bigint, JobView>> {
  const final = new Map<bigint, JobView>()
  for (;;) {
    for (const job of await queries.jobs({ limit: jobIds.length })) {
      if (job.status !== 'open') {
        final.set(job.id, job)
      }
    }
    if (jobIds.every(jobId => final.has(jobId))) {
      return final
    }
    await sleep(pollIntervalMs, signal)
  }
}
