import { ConfigError } from '../../src/interface/index.js'
import { readJsonObject } from '../config/json-file.js'
import { devChainId } from '../config/resolve.js'

/** A chain on this machine answers at once, unless it is stopped. */
const answerTimeoutMs = 2_000

/**
 * A development network replaces the file of one that has ended. It takes neither that of one that runs from its nodes,
 * nor a file that is something else. Throws ConfigError.
 */
export async function refuseAnother(networkFile: string): Promise<void> {
  const found = readJsonObject(networkFile, 'network file')
  if (found === undefined) {
    return
  }
  const { chainId, rpc } = found
  if (chainId !== devChainId || typeof rpc !== 'string' || !URL.canParse(rpc)) {
    throw new ConfigError(
      `${networkFile} is not the file of a development network: name another with --network-file`
    )
  }
  if (await answers(rpc)) {
    throw new ConfigError(
      `A network is up already at ${rpc}, of the network file ${networkFile}: use that one, end it, or name another file with --network-file`
    )
  }
}

async function answers(rpc: string): Promise<boolean> {
  try {
    const response = await fetch(rpc, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] }),
      signal: AbortSignal.timeout(answerTimeoutMs)
    })
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null && 'result' in body && Number(body.result) === devChainId
  } catch {
    // Nobody listens, or someone who is no chain: its port was given on since.
    return false
  }
}
