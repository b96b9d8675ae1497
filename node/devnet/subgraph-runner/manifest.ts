import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EventFragment, encodeBase58, Interface } from 'ethers'
import { parse } from 'yaml'
import { z } from 'zod'
import { ConfigError } from '../../../src/interface/errors.js'
import { type EntitySchema, parseEntitySchema } from './entity-schema.js'

const eventHandler = z.strictObject({ event: z.string(), handler: z.string() })

/** What graph-cli writes to `build/subgraph.yaml`. Strict, so that nothing of a manifest is left out unnoticed. */
const manifestSchema = z.object({
  schema: z.object({ file: z.string() }),
  dataSources: z.array(
    z.strictObject({
      kind: z.literal('ethereum'),
      name: z.string(),
      network: z.string(),
      source: z.strictObject({
        address: z.string(),
        abi: z.string(),
        startBlock: z.number().int().optional()
      }),
      mapping: z.strictObject({
        kind: z.literal('ethereum/events'),
        // Since 0.0.6 blocks and transactions have the fields that event.ts makes.
        apiVersion: z.enum(['0.0.7', '0.0.8', '0.0.9']),
        language: z.literal('wasm/assemblyscript'),
        entities: z.array(z.string()),
        abis: z.array(z.object({ name: z.string(), file: z.string() })),
        eventHandlers: z.array(eventHandler),
        file: z.string()
      })
    })
  ),
  templates: z.undefined().optional()
})

export interface EventHandler {
  fragment: EventFragment
  /** First topic of the event's logs. */
  topic: string
  handler: string
}

export interface DataSource {
  name: string
  network: string
  /** Lowercase. */
  address: string
  startBlock: number
  handlers: EventHandler[]
  wasm: Uint8Array<ArrayBuffer>
}

export interface Subgraph {
  /** Names this build, as the hash of the manifest on IPFS would. */
  deployment: string
  schema: EntitySchema
  dataSources: DataSource[]
}

/**
 * Reads a built subgraph. `addresses` and `startBlock` take the place of the manifest's own, as
 * `graph build --network` would put them there. Throws ConfigError.
 */
export async function readSubgraph(
  buildDir: string,
  addresses: Record<string, string>,
  startBlock: number
): Promise<Subgraph> {
  const read = async (file: string) => {
    try {
      return await readFile(join(buildDir, file))
    } catch (error) {
      throw new ConfigError(
        `The built subgraph lacks ${join(buildDir, file)}: run "npm run build:subgraph"`,
        {
          cause: error
        }
      )
    }
  }
  const source = await read('subgraph.yaml')
  const parsed = manifestSchema.safeParse(parse(source.toString('utf8')))
  if (!parsed.success) {
    throw new ConfigError(
      `${join(buildDir, 'subgraph.yaml')} cannot be run by the local subgraph runner: ${z.prettifyError(parsed.error)}`
    )
  }
  const manifest = parsed.data
  const schemaSource = await read(manifest.schema.file)
  const identity = createHash('sha256')
    .update(source)
    .update(schemaSource)
    .update(JSON.stringify([addresses, startBlock]))

  const dataSources: DataSource[] = []
  for (const { name, network, source: contract, mapping } of manifest.dataSources) {
    const address = addresses[name]
    if (address === undefined)
      throw new ConfigError(`No address is given for the subgraph's data source ${name}`)
    const abiFile = mapping.abis.find(abi => abi.name === contract.abi)?.file
    if (abiFile === undefined)
      throw new ConfigError(`Data source ${name} names the ABI ${contract.abi} and lists none`)
    const abi = new Interface(JSON.parse((await read(abiFile)).toString('utf8')))
    const wasm = new Uint8Array(await read(mapping.file))
    identity.update(wasm)
    dataSources.push({
      name,
      network,
      address: address.toLowerCase(),
      startBlock,
      wasm,
      handlers: mapping.eventHandlers.map(({ event, handler }) => ({
        ...findEvent(abi, event, name),
        handler
      }))
    })
  }
  // A CIDv0: 0x12 (SHA-256), 0x20 (32 bytes), the hash.
  const deployment = encodeBase58(Buffer.concat([Buffer.from([0x12, 0x20]), identity.digest()]))
  return { deployment, schema: parseEntitySchema(schemaSource.toString('utf8')), dataSources }
}

/** `event`: a signature of the manifest, `Name(indexed uint256,address)`. */
function findEvent(
  abi: Interface,
  event: string,
  dataSource: string
): { fragment: EventFragment; topic: string } {
  const wanted = event.replace(/\s+/g, ' ')
  const fragment = abi.fragments
    .filter(candidate => candidate instanceof EventFragment)
    .find(candidate => {
      const inputs = candidate.inputs.map(
        input => `${input.indexed ? 'indexed ' : ''}${input.format('sighash')}`
      )
      return `${candidate.name}(${inputs.join(',')})` === wanted
    })
  if (fragment === undefined) {
    throw new ConfigError(
      `Data source ${dataSource} has no event ${wanted} in its ABI: build the subgraph again`
    )
  }
  return { fragment, topic: fragment.topicHash }
}
