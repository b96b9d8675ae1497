import { ManifestError } from '../../../src/interface/index.js'

/** A function of a model, or its main graph, as far as its size goes. */
export interface FunctionCalls {
  /** Of its own, calls included. */
  nodes: number
  /** Names of the functions that it calls, one for each call. */
  calls: string[]
}

/** Functions that call functions: exports nest three or four deep. */
const maxDepth = 32

/**
 * How many nodes `main` has once every call is replaced by the function's body, as the runtime does. Throws ManifestError for
 * functions that call themselves, or too deep: each level may double the size.
 */
export function callCosts(functions: ReadonlyMap<string, FunctionCalls>, main: FunctionCalls): number {
  const known = new Map<string, number>()
  const cost = ({ nodes, calls }: FunctionCalls, depth: number): number => {
    if (depth > maxDepth) {
      throw new ManifestError('its functions call themselves, or nest too deep')
    }
    return calls.reduce((sum, name) => sum + costOf(name, depth + 1), nodes)
  }
  const costOf = (name: string, depth: number): number => {
    const found = known.get(name)
    if (found !== undefined) {
      return found
    }
    const callee = functions.get(name)
    const total = callee === undefined ? 0 : cost(callee, depth)
    known.set(name, total)
    return total
  }
  return cost(main, 0)
}
