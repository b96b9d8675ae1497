import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Provider, Signer } from 'ethers'
import { type ModelRegistry, readTestFile } from '../../../models/index.js'
import type { Address } from '../../../src/interface/index.js'
import { contentReader, type ReadContent } from '../../client/content-reader.js'
import { createJobQueries, type JobQueries, type JobView } from '../../client/job-queries.js'
import { decodedOutput } from '../../client/present.js'
import { maxOutputBytes } from '../../client/save-output.js'
import { readTasks } from '../../client/task-registry.js'
import type { NetworkFile } from '../../config/network-file.js'
import { devProvider, devSigner } from '../../devnet/accounts.js'
import type { ReadyInfo } from '../../event-relay.js'
import { sleep } from '../../wait.js'
import type { Board } from '../board.js'
import { type LocalNetworkInit, localNetwork } from '../local-network.js'
import { evolveNft, type NftReport } from './evolving-nft.js'
import { askModels, type ModelJob, readAnswer } from './model-jobs.js'
import { type GamesReport, playTicTacToe } from './tic-tac-toe.js'

export interface DemoInit extends Omit<LocalNetworkInit, 'onEvent' | 'workerArgs' | 'readyTimeoutMs'> {
  board: Board
  /** Games of tic-tac-toe. */
  games: number
  /** Of the games' openings. */
  seed: number
  /** Where the pictures go; made if it is not there. */
  folder: string
}

/** A job of the demonstration. */
export interface DemoJob {
  id: string
  task: string
  model: string
  status: JobView['status']
  /** Peer id. */
  worker: string | null
  /** Text or JSON; the location of an output that is a file. */
  output: unknown
  /** Absolute path of the picture that was saved. */
  file?: string
}

export interface DemoReport {
  network: NetworkFile & { client: Address }
  nodes: ReadyInfo[]
  jobs: DemoJob[]
  games: Omit<GamesReport, 'jobIds'> | undefined
  /** `picture`: absolute path of the file. */
  nft: (Omit<NftReport, 'picture'> & { picture: string }) | undefined
  /** What is not as it should be; empty where all is well. */
  faults: string[]
}

export interface Demo {
  /** Absolute path of the network file. */
  networkFile: string
  run(): Promise<DemoReport>
  /** Safe to repeat, at any time. */
  stop(): Promise<void>
}

/** Each worker loads and tests every model of the repository, on a processor that all share. */
const readyTimeoutMs = 300_000
const pollIntervalMs = 200

/** What one part of the demonstration works with. */
interface Stage {
  network: NetworkFile & { client: Address }
  nodes: ReadyInfo[]
  registry: ModelRegistry
  queries: JobQueries
  provider: Provider
  signer: Signer
  read: ReadContent
  faults: string[]
}

/** A whole network on this machine that runs every model of the repository through its contract, plays and paints. */
export function demo(init: DemoInit): Demo {
  const { board, signal, onStep } = init
  const folder = resolve(init.folder)
  const local = localNetwork({ ...init, onEvent: board.onEvent, readyTimeoutMs })
  const add = (jobId: bigint, subject: string): void =>
    board.add({ jobId, subject, requestedAtMs: Date.now() })

  async function run(): Promise<DemoReport> {
    const { network, nodes } = await local.start()
    const provider = devProvider(network.rpc, network.chainId)
    try {
      const stage: Stage = {
        network,
        nodes,
        registry: await readTasks(),
        queries: createJobQueries(network.subgraph),
        provider,
        signer: devSigner(0, provider),
        read: contentReader({
          bootstrap: network.bootstrap,
          peersDirectory: network.peers,
          local: true,
          logger: init.logger
        }),
        faults: []
      }
      await mkdir(folder, { recursive: true })
      onStep('Asking every model, playing tic-tac-toe, and minting a token')
      const [jobs, games, nft] = await local.orFail(
        Promise.all([runModels(stage), playGames(stage), mintToken(stage)])
      )
      const report = { network, nodes, jobs: [...jobs, ...(games?.jobs ?? [])], games: games?.result, nft }
      return { ...report, faults: [...stage.faults, ...missing(stage.registry, report)] }
    } finally {
      provider.destroy()
    }
  }

  async function runModels(stage: Stage): Promise<DemoJob[]> {
    const asked = await askModels({ ...stage, onJob: add })
    return Promise.all(asked.map(job => finish(job, stage)))
  }

  async function finish(asked: ModelJob, stage: Stage): Promise<DemoJob> {
    const { queries, registry, read, faults } = stage
    const { task, document, jobId } = asked
    const { name } = document.manifest
    const job = await finalJob(queries, jobId)
    const answer = await readAnswer(asked, job, registry, location =>
      read(location, { maxBytes: maxOutputBytes, signal })
    )
    faults.push(...answer.faults.map(fault => `job ${jobId} (${task.name}/${name}): ${fault}`))
    const worker = job.result?.worker ?? null
    const plain = { id: jobId.toString(), task: task.name, model: name, status: job.status, worker }
    if (answer.content === undefined || task.output.type !== 'image') {
      return { ...plain, output: answer.output ?? null }
    }
    const file = join(folder, `${task.name}-${name}.png`)
    await writeFile(file, answer.content.bytes)
    return { ...plain, output: answer.output, file }
  }

  async function playGames({ network, registry, queries, provider, signer }: Stage) {
    const contract = network.examples?.TicTacToe
    if (contract === undefined) {
      return undefined
    }
    const { jobIds, ...result } = await playTicTacToe({
      contract,
      oracle: network.oracle,
      games: init.games,
      seed: init.seed,
      provider,
      signer,
      signal,
      onJob: (jobId, game) => add(jobId, `tic-tac-toe, game ${game + 1}`)
    })
    const jobs = await Promise.all(jobIds.map(id => finalJob(queries, id)))
    const task = registry.task('reinforcement-learning')
    const model = registry.manifests().find(({ manifest }) => manifest.task === task.name)
    return {
      result,
      jobs: jobs.map(({ id, status, result: done }) => ({
        id: id.toString(),
        task: task.name,
        model: model?.manifest.name ?? '',
        status,
        worker: done?.worker ?? null,
        output: done === undefined ? null : decodedOutput(task, done.output)
      }))
    }
  }

  async function mintToken({ network, nodes, registry, read, provider, signer }: Stage) {
    const contract = network.examples?.EvolvingNFT
    if (contract === undefined) {
      return undefined
    }
    const prompts = await promptsOf(registry)
    const { picture, ...report } = await evolveNft({
      contract,
      oracle: network.oracle,
      prompts,
      via: nodes
        .filter(({ role }) => role === 'worker')
        .map(({ peerId, addresses }) => ({ peerId, address: addresses[0] ?? '' })),
      read,
      provider,
      signer,
      signal,
      onJob: (jobId, prompt) => add(jobId, `NFT: ${prompt}`)
    })
    const file = join(folder, `nft-${report.tokenId}.png`)
    await writeFile(file, picture)
    return { ...report, picture: file }
  }

  async function finalJob(queries: JobQueries, jobId: bigint): Promise<JobView> {
    for (;;) {
      const job = await queries.job(jobId)
      if (job !== undefined && job.status !== 'open') {
        return job
      }
      await sleep(pollIntervalMs, signal)
    }
  }

  return { networkFile: local.networkFile, run, stop: local.stop }
}

/** The texts of the first test vectors of the model that paints. */
async function promptsOf(registry: ModelRegistry): Promise<[string, string]> {
  const document = registry.manifests().find(({ manifest }) => manifest.task === 'text-to-image')
  const texts = await Promise.all(
    (document?.manifest.testVectors ?? []).slice(0, 2).map(async ({ input }) => {
      const bytes = document === undefined ? new Uint8Array() : await readTestFile(document, input)
      return new TextDecoder().decode(bytes)
    })
  )
  // With another seed, one text makes two pictures.
  return [texts[0] ?? 'a red apple', texts[1] ?? texts[0] ?? 'a red apple']
}

/** What the whole of it must have shown, and did not. */
function missing(registry: ModelRegistry, { jobs, games, nft }: Omit<DemoReport, 'faults'>): string[] {
  const done = new Set(jobs.filter(({ status }) => status === 'succeeded').map(({ task }) => task))
  return [
    ...registry
      .tasks()
      .flatMap(({ name }) => (done.has(name) ? [] : [`no job of the task ${name} succeeded`])),
    ...(games === undefined ? ['no game was played'] : []),
    ...(games !== undefined && games.lost > 0
      ? [`the model lost ${games.lost} of ${games.played} games`]
      : []),
    ...(nft === undefined ? ['no token was minted'] : []),
    ...(nft !== undefined && nft.via.length < 2 ? ['the token was read through one node only'] : [])
  ]
}
