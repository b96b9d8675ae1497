import { ProcessError } from '../../../src/interface/index.js'
import { createNamespaces, type Namespaces } from './namespaces.js'

/** How connections between nodes are cut: packets vanish between namespaces, or the nodes' connection gaters close them. */
export const linkKinds = ['namespaces', 'gater'] as const
export type LinkKind = (typeof linkKinds)[number]

export interface Links {
  kind: LinkKind
  /** Undefined for the gater. */
  namespaces: Namespaces | undefined
  /** Why it is the gater although nobody asked for it. */
  because?: string
}

/**
 * Namespaces where they can be had, else the gater; or what is asked for. Throws ProcessError where namespaces are asked for, and
 * cannot be had.
 */
export async function prepareLinks(
  asked: LinkKind | undefined,
  nodes: string[],
  make: typeof createNamespaces = createNamespaces
): Promise<Links> {
  if (asked === 'gater') return { kind: 'gater', namespaces: undefined }
  try {
    return { kind: 'namespaces', namespaces: await make(nodes) }
  } catch (err) {
    if (!(err instanceof ProcessError)) throw err
    if (asked === 'namespaces') {
      throw new ProcessError(`${err.message}. Without them, choose --links gater`, { cause: err })
    }
    return { kind: 'gater', namespaces: undefined, because: err.message }
  }
}
