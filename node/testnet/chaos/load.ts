import type { JsonRpcProvider } from 'ethers'
import { type Address, type Hex, ProcessError } from '../../../src/interface/index.js'
import { type Asked, ask } from '../../client/ask.js'
import type { NetworkFile } from '../../config/network-file.js'
import { devWallet } from '../../devnet/accounts.js'
import { sleep } from '../../wait.js'
import type { Sample } from '../samples.js'

export interface Client {
  /** Asks about a picture. Rejects if the request is not mined in time: a reorg may have taken it. */
  ask(sample: Sample): Promise<Asked>
}

export interface ClientInit {
  network: NetworkFile & { client: Address }
  provider: JsonRpcProvider
  /** Index of its development account. No other client has it. */
  account: number
  random: () => number
}

export interface Load {
  /** Requests that were mined, those that a reorg took later included. */
  sent(): { jobId: bigint; atMs: number }[]
  /** Requests that were not, or not for long enough to be seen. */
  lost(): number
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>
}

/** The chain mines at once; who waits longer waits for a transaction that a reorg took. */
const minedTimeoutMs = 5_000

/** A client of the ExampleClient contract. It asks the chain for its nonce each time, so that a reorg does not confuse it. */
export function createClient({ network, provider, account, random }: ClientInit): Client {
  const model = network.models['image-to-text']
  if (model === undefined) throw new ProcessError('The local network has no image-to-text model')
  const signer = devWallet(account).connect(provider)
  const target = { oracle: network.oracle, model, client: network.client }
  return {
    async ask(sample) {
      const seed: Hex = `0x${Array.from({ length: 32 }, () => hexByte(random)).join('')}`
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(
        () => late.reject(new ProcessError('A request was not mined in time')),
        minedTimeoutMs
      )
      try {
        return await Promise.race([
          ask(target, { kind: 'content', bytes: sample.bytes }, seed, signer),
          late.promise
        ])
      } finally {
        clearTimeout(timer)
      }
    }
  }
}

/** Asks about one picture after another, every `intervalMs`, until it is stopped. */
export function startLoad(init: { client: Client; samples: Sample[]; intervalMs: number }): Load {
  const { client, samples, intervalMs } = init
  const sent: { jobId: bigint; atMs: number }[] = []
  const stopping = new AbortController()
  let lost = 0

  async function run(): Promise<void> {
    for (let index = 0; !stopping.signal.aborted; index++) {
      const atMs = Date.now()
      try {
        const { jobId } = await client.ask(samples[index % samples.length] as Sample)
        sent.push({ jobId, atMs })
      } catch {
        // The chain was reorganised under it. What is on chain in the end counts, and not what was sent.
        lost++
      }
      const restMs = Math.max(0, atMs + intervalMs - Date.now())
      // Aborted: the loop ends.
      await sleep(restMs, stopping.signal).catch(() => undefined)
    }
  }

  const running = run()
  return {
    sent: () => sent,
    lost: () => lost,
    async stop() {
      stopping.abort()
      await running
    }
  }
}

function hexByte(random: () => number): string {
  return Math.floor(random() * 256)
    .toString(16)
    .padStart(2, '0')
}
