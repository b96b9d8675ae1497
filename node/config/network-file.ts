import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { type Address, ConfigError } from '../../src/interface/index.js'
import { address, choice, httpUrl, integer, list, multiaddr, text } from './fields.js'
import { readJsonObject, unknownKeys } from './json-file.js'

/** Where `devnet` writes the network file and the other commands look for it, under the working directory. */
export const defaultNetworkFile = '.buffalo/network.json'

/** A network, as the file that describes it to nodes and clients. */
export interface NetworkFile {
  chainId: number
  rpc: string
  subgraph: string
  oracle: Address
  registry: Address
  /** Model contract of each task's first model, as `<task>`, and of each model, as `<task>/<model>`. */
  models: Record<string, Address>
  /** The ExampleClient contract, on networks that have one. */
  client?: Address
  /** The other contracts of contracts/examples, by name. */
  examples?: Record<string, Address>
  timing: 'local' | 'internet'
  /** How long a lease holds, where it is not the timing's own. */
  leaseMs?: number
  /** Directory in which the nodes of one machine leave their addresses for each other; absolute once read. */
  peers?: string
  bootstrap: string[]
}

const fields = {
  chainId: integer(1),
  rpc: httpUrl,
  subgraph: httpUrl,
  oracle: address,
  registry: address,
  models: { schema: z.record(z.string(), address.schema), must: 'an object of task name → contract address' },
  client: address,
  examples: { schema: z.record(z.string(), address.schema), must: 'an object of contract name → address' },
  timing: choice('local', 'internet'),
  leaseMs: integer(1),
  peers: text,
  bootstrap: list(multiaddr)
}
const optional = new Set(['client', 'examples', 'peers', 'models', 'bootstrap', 'timing', 'leaseMs'])

/** Reads and checks a network file; undefined where there is none. Throws ConfigError. */
export function readNetworkFile(path: string): NetworkFile | undefined {
  const raw = readJsonObject(path, 'network file')
  if (raw === undefined) {
    return undefined
  }
  const problems = unknownKeys(raw, Object.keys(fields), `network file ${path}`)
  const values: Record<string, unknown> = { models: {}, bootstrap: [], timing: 'internet' }
  for (const [name, field] of Object.entries(fields)) {
    if (raw[name] === undefined) {
      if (!optional.has(name)) {
        problems.push(`${name} (network file ${path}): is missing, and must be ${field.must}`)
      }
      continue
    }
    const checked = field.schema.safeParse(raw[name])
    if (checked.success) {
      values[name] = checked.data
    } else {
      problems.push(`${name} (network file ${path}): must be ${field.must}, got ${JSON.stringify(raw[name])}`)
    }
  }
  if (problems.length > 0) {
    throw new ConfigError(problems.join('; '))
  }
  const network = values as unknown as NetworkFile
  return network.peers === undefined ? network : { ...network, peers: resolve(dirname(path), network.peers) }
}

/** A network whose subgraph has not been deployed yet: nodes ask for its URL. */
export type NewNetworkFile = Omit<NetworkFile, 'subgraph'> & { subgraph?: string }

/** Writes the file in one step, so that a reader sees all of it or nothing. */
export function writeNetworkFile(path: string, network: NewNetworkFile): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.tmp`
  writeFileSync(draft, `${JSON.stringify(network, undefined, 2)}\n`)
  renameSync(draft, path)
}

/** Removes the file if it still describes the network at `rpc`, and not one that was started since. */
export function removeNetworkFile(path: string, rpc: string): void {
  if (readJsonObject(path, 'network file')?.rpc === rpc) {
    rmSync(path, { force: true })
  }
}
