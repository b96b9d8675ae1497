import { randomBytes } from 'node:crypto'
import type { Signer } from 'ethers'
import { type Address, ProcessError } from '../../src/interface/index.js'
import { ask } from '../client/ask.js'
import type { NetworkFile } from '../config/network-file.js'
import type { Sample } from './samples.js'
import type { Request } from './verify.js'

/** Requests that are under way at one time: more only wait for each other in anvil. */
const concurrency = 8

/** Sends `count` real requests through the example client, one picture after another. */
export async function sendRequests(init: {
  count: number
  samples: Sample[]
  network: NetworkFile & { client: Address }
  signer: Signer
  signal: AbortSignal
  onRequest(request: Request): void
}): Promise<Request[]> {
  const { count, samples, network, signer, signal } = init
  const model = network.models['image-to-text']
  if (model === undefined || samples.length === 0) {
    throw new ProcessError(
      'The local network has no image-to-text model, or no pictures: restore node/testnet/samples'
    )
  }
  const target = { oracle: network.oracle, model, client: network.client }
  const requests: Request[] = []
  let next = 0
  const sendInTurn = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      signal.throwIfAborted()
      const sample = samples[index % samples.length] as Sample
      const requestedAtMs = Date.now()
      const seed = `0x${randomBytes(32).toString('hex')}` as const
      const asked = await ask(target, { kind: 'content', bytes: sample.bytes }, seed, signer)
      if (asked.callbackId === undefined) {
        throw new ProcessError(`The example client did not remember the request ${asked.txHash}`)
      }
      const request = { jobId: asked.jobId, callbackId: asked.callbackId, sample, requestedAtMs }
      requests.push(request)
      init.onRequest(request)
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, sendInTurn))
  return requests.sort((a, b) => (a.jobId < b.jobId ? -1 : 1))
}
