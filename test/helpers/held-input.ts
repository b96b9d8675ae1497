import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { cidOfContent } from '../../src/interface/content-id.js'

export interface HeldInput {
  /** At IPFS. */
  location: string
  /** For the workers: the gateway that has it. */
  flags: string[]
  /** Answers all that have asked, and whoever asks from now on. */
  release(): void
}

/** An input of a job that comes when a test says so: however fast or slow the machine is, the job runs until then. */
export async function heldInput(bytes: Uint8Array): Promise<HeldInput> {
  const waiting: ServerResponse[] = []
  let isReleased = false
  const server = createServer((_, response) => {
    if (isReleased) response.end(bytes)
    else waiting.push(response)
  })
  onTestFinished(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    location: `ipfs://${await cidOfContent(bytes)}`,
    flags: ['--gateways', `http://127.0.0.1:${(server.address() as AddressInfo).port}`],
    release() {
      isReleased = true
      for (const response of waiting.splice(0)) response.end(bytes)
    }
  }
}
