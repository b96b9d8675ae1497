import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import {
  type Content,
  contentResolver,
  createContent,
  outputCopies,
  outputStore
} from '../src/content/index.js'
import {
  type Clock,
  ConfigError,
  type JobContent,
  type Logger,
  type PeerKey
} from '../src/interface/index.js'
import { peerKeyOfString } from '../src/network/identity.js'
import type { Network } from '../src/network/libp2p.js'
import type { NodeConfig } from './config/resolve.js'

/** What a worker does with content: the store, and the inputs and outputs of jobs. */
export interface WorkerContent {
  content: Content
  jobs: JobContent
}

export interface WorkerContentComponents {
  network: Network
  /** Whether a peer is a registered worker, as far as is known. */
  isWorker(peer: PeerKey): boolean
  clock: Clock
  logger: Logger
  /** Takes what must be undone at the end, last first. */
  defer(undo: () => void | Promise<void>): void
}

/** Opens and starts the content of a worker. Throws ConfigError for a wallet that cannot be read. */
export async function startWorkerContent(
  config: NodeConfig,
  { network, isWorker, clock, logger, defer }: WorkerContentComponents
): Promise<WorkerContent> {
  const { content: settings, timingName } = config
  const isLocal = timingName === 'local'
  const { libp2p } = network
  const arweaveWallet =
    settings.arweaveWallet === undefined ? undefined : await readWallet(settings.arweaveWallet)

  const content = await createContent(
    {
      path: join(config.dataDir, 'content'),
      quotaBytes: settings.quotaMb * 1024 * 1024,
      gateways: settings.gateways,
      allowHttpLoopback: isLocal
    },
    { libp2p, clock, logger }
  )
  const copies = outputCopies({ isWorker: peer => isWorker(peerKeyOfString(peer)) })({
    libp2p,
    content,
    clock,
    logger,
    random: Math.random
  })
  await content.start()
  defer(() => content.stop())
  await copies.start()
  defer(() => copies.stop())

  const inputs = contentResolver({
    allowHttpLoopback: isLocal,
    arweaveGateway: settings.arweaveGateway,
    subgraphUrl: config.subgraph,
    // In a local network everyone is reached within moments, or not at all.
    ...(isLocal && { graceMs: 5_000 })
  })({ logger, clock, content })
  const outputs = outputStore({ arweaveGateway: settings.arweaveGateway, arweaveWallet })({ content, copies })
  return { content, jobs: { ...inputs, ...outputs } }
}

/** What is needed of an Arweave key file (a JSON Web Key of RSA). */
const walletSchema = z.looseObject({ kty: z.literal('RSA'), n: z.string(), e: z.string(), d: z.string() })

async function readWallet(path: string): Promise<z.infer<typeof walletSchema>> {
  try {
    return walletSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (err) {
    throw new ConfigError(
      `--arweave-wallet (flag): ${path} is not an Arweave key file: it must be the JSON that a wallet exports`,
      // Its text may hold the key.
      { cause: err instanceof z.ZodError ? undefined : err }
    )
  }
}
