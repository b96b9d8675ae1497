import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonRpcProvider } from 'ethers'
import type { Address, Logger, NodeEvent } from '../../../src/interface/index.js'
import type { NetworkFile } from '../../config/network-file.js'
import { devProvider } from '../../devnet/accounts.js'
import { type Devnet, startDevnet } from '../../devnet/devnet.js'
import { createFleet, type Fleet, nodeNames } from './fleet.js'
import { type LinkKind, type Links, prepareLinks } from './links.js'

export interface TrialInit {
  sequencers: number
  workers: number
  /** How long a lease holds, on all nodes. */
  leaseMs: number
  logger: Logger
  onStep(step: string): void
  signal: AbortSignal
}

/** Something that a node told, and when it came here. */
export interface Told {
  node: string
  event: NodeEvent
}

/** Chain, contracts, subgraph and nodes as processes of their own, for a trial. */
export interface Ground {
  network: NetworkFile & { client: Address }
  /** Asks the chain itself: no fault stands between. */
  provider: JsonRpcProvider
  fleet: Fleet
  /** How its connections are cut. */
  links: Pick<Links, 'kind' | 'because'>
  /** Where the nodes' data directories and logs lie. */
  directory: string
  /** All that was told so far. */
  told: Told[]
  /** Returns what ends it. */
  onTold(listener: (told: Told) => void): () => void
  /** A development account that no worker has. */
  spareAccount(index: number): number
  /** Ends everything; its files stay where the trial failed. Safe to repeat. */
  stop(options: { keepFiles: boolean }): Promise<void>
}

/** Resolves with whether so many jobs became final from now on, before `timeoutMs` passed. */
export async function untilFinal(
  ground: Pick<Ground, 'onTold'>,
  init: { jobs: number; timeoutMs: number; signal: AbortSignal }
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  let left = init.jobs
  const end = ground.onTold(({ event }) => {
    if (event.type === 'submission:accepted' && --left <= 0) resolve(true)
  })
  const timer = setTimeout(() => resolve(false), init.timeoutMs)
  try {
    return await abortable(promise, init.signal)
  } finally {
    clearTimeout(timer)
    end()
  }
}

/** Accounts beside those of the workers: clients and a hostile peer. */
const spareAccounts = 8

export interface GroundInit extends TrialInit {
  /** Whether each node reaches chain and subgraph through a proxy of its own. */
  proxies: boolean
  /** How connections are cut; needs proxies for namespaces. Undefined: by namespaces where they can be had. */
  links: LinkKind | undefined
}

/** Starts all and waits until every node is ready, or stops what it started and throws. */
export async function prepareGround(init: GroundInit): Promise<Ground> {
  const directory = mkdtempSync(join(tmpdir(), 'buffalo-trial-'))
  const networkFile = join(directory, 'network.json')
  const told: Told[] = []
  const listeners = new Set<(told: Told) => void>()
  let devnet: Devnet | undefined
  let links: Links | undefined
  let fleet: Fleet | undefined
  let provider: JsonRpcProvider | undefined
  let stopping: Promise<void> | undefined

  async function stop({ keepFiles }: { keepFiles: boolean }): Promise<void> {
    await fleet?.stop()
    provider?.destroy()
    await devnet?.stop()
    links?.namespaces?.stop()
    if (!keepFiles) rmSync(directory, { recursive: true, force: true })
  }

  try {
    devnet = await startDevnet({
      networkFile,
      accounts: Math.max(10, init.workers + 1 + spareAccounts),
      leaseMs: init.leaseMs,
      logger: init.logger,
      onStep: init.onStep,
      signal: init.signal
    })
    const { network } = devnet
    provider = devProvider(network.rpc, network.chainId)
    links = await prepareLinks(init.links, nodeNames(init))
    if (links.because !== undefined) {
      init.onStep(`Connections are cut by the nodes' gaters, as namespaces cannot be had: ${links.because}`)
    }
    fleet = await createFleet({
      ...init,
      namespaces: links.namespaces,
      networkFile,
      directory,
      rpc: network.rpc,
      subgraph: network.subgraph,
      onEvent(node, event) {
        const one = { node, event }
        told.push(one)
        for (const listener of listeners) listener(one)
      }
    })
    init.onStep(`Starting ${init.sequencers} sequencers and ${init.workers} workers`)
    await abortable(fleet.start(), init.signal)
    return {
      network,
      provider,
      fleet,
      links,
      directory,
      told,
      onTold(listener) {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
      spareAccount: index => init.workers + 1 + index,
      stop(options) {
        stopping ??= stop(options)
        return stopping
      }
    }
  } catch (err) {
    await stop({ keepFiles: false })
    throw err
  }
}

/** The work, or the reason of the signal if that comes first. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    signal.throwIfAborted()
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
