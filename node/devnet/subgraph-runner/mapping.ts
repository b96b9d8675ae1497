import { getBytes } from 'ethers'
import type { Logger } from '../../../src/interface/logger.js'
import type { BlockChanges } from './block-changes.js'
import type { EntitySchema } from './entity-schema.js'
import { type EthereumEvent, newEthereumEvent } from './event.js'
import { type HostContext, hostFunctions, MappingError } from './host-functions.js'
import type { DataSource } from './manifest.js'
import { createWasmHeap, type MappingExports } from './wasm-heap.js'
import { type WasmModule, webAssembly } from './web-assembly.js'

/** The compiled mapping of one data source. */
export interface Mapping {
  /** Runs one handler. Throws MappingError where the handler fails. */
  handle(handler: string, event: EthereumEvent, changes: BlockChanges): void
}

export interface MappingInit {
  dataSource: DataSource
  wasm: WasmModule
  schema: EntitySchema
  logger: Logger
}

/** The stub runtime never frees: beyond this size the instance is replaced by a new one. */
const maxHeapBytes = 16 * 1024 * 1024

/**
 * graph-node makes a new instance for each event. Here one serves many, which a mapping that keeps nothing in global
 * variables cannot tell apart.
 */
export function createMapping({ dataSource, wasm, schema, logger }: MappingInit): Mapping {
  let current: { context: HostContext; exports: Record<string, unknown> } | undefined

  function instantiate(changes: BlockChanges): { context: HostContext; exports: Record<string, unknown> } {
    // The imports need the context, and the context the memory of the instance.
    const holder: { context?: HostContext } = {}
    const imports: Record<string, Record<string, (...args: number[]) => number | void>> = {}
    for (const { module, name } of webAssembly.Module.imports(wasm)) {
      const hostFunction = hostFunctions[name]
      const namespace = imports[module] ?? {}
      imports[module] = namespace
      namespace[name] = (...args) => {
        if (hostFunction === undefined) {
          throw new MappingError(`the mapping calls ${name}, which the local subgraph runner does not have`)
        }
        if (holder.context === undefined) throw new MappingError(`the mapping calls ${name} at its top level`)
        return hostFunction(holder.context, ...args.map(arg => arg >>> 0))
      }
    }
    const { exports } = new webAssembly.Instance(wasm, imports)
    const heap = createWasmHeap(exports as unknown as MappingExports)
    holder.context = {
      heap,
      schema,
      changes,
      logger,
      address: getBytes(dataSource.address),
      network: dataSource.network
    }
    ;(exports as unknown as MappingExports)._start()
    return { context: holder.context, exports }
  }

  return {
    handle(handler, event, changes) {
      try {
        if (current === undefined || current.context.heap.sizeBytes() > maxHeapBytes)
          current = instantiate(changes)
        const { context, exports } = current
        context.changes = changes
        const run = exports[handler]
        if (typeof run !== 'function') throw new MappingError(`the mapping has no handler ${handler}`)
        run(newEthereumEvent(context.heap, event))
      } catch (error) {
        // Its memory may be half written.
        current = undefined
        if (error instanceof MappingError) throw error
        throw new MappingError(error instanceof Error ? error.message : String(error), { cause: error })
      }
    }
  }
}
