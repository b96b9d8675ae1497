import type { FaultProxy, ProxyMode } from './fault-proxy.js'
import type { RpcFault, SubgraphFault } from './schedule.js'

/** What a node's proxy does while the fault lasts. */
export function rpcMode(how: RpcFault): ProxyMode | ((count: number) => ProxyMode) {
  switch (how) {
    case 'error':
      return { answer: async body => JSON.stringify(refuse(JSON.parse(body))) }
    case 'rate-limit':
      return { status: 429, body: 'Too Many Requests' }
    case 'delay':
      return { delayMs: 700 }
    case 'hang':
    case 'cut':
      return how
    case 'flaky':
      // Two of three fail, each in another way.
      return count =>
        count % 3 === 0 ? 'cut' : count % 3 === 1 ? { status: 502, body: 'Bad Gateway' } : 'pass'
  }
}

/** JSON-RPC's own error for each call. */
function refuse(call: unknown): unknown {
  if (Array.isArray(call)) return call.map(refuse)
  const id = typeof call === 'object' && call !== null && 'id' in call ? call.id : null
  return { jsonrpc: '2.0', id, error: { code: -32603, message: 'header not found' } }
}

/** Sets a subgraph's proxy to a fault. `lag` and `indexing-errors` begin at the block at which the subgraph stands. */
export async function setSubgraphFault(
  proxy: FaultProxy,
  how: SubgraphFault,
  subgraph: string
): Promise<void> {
  switch (how) {
    case 'error':
      proxy.setMode({
        status: 200,
        body: JSON.stringify({ errors: [{ message: 'Store error: no connection' }] })
      })
      return
    case 'hang':
      proxy.setMode('hang')
      return
    case 'lag': {
      const block = await headOf(subgraph)
      proxy.setMode({ answer: (body, forward) => forward(atBlock(body, block)) })
      return
    }
    case 'back': {
      // As behind a load balancer whose second replica stands some blocks behind the first.
      const block = Math.max(1, (await headOf(subgraph)) - 6)
      proxy.setMode(count =>
        count % 2 === 0 ? 'pass' : { answer: (body, forward) => forward(atBlock(body, block)) }
      )
      return
    }
    case 'indexing-errors': {
      // graph-node stops at the block whose handler failed, and says so beside the data.
      const block = await headOf(subgraph)
      proxy.setMode({
        answer: async (body, forward) => failed(await forward(atBlock(body, block)))
      })
    }
  }
}

async function headOf(subgraph: string): Promise<number> {
  const answer = await fetch(subgraph, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ _meta { block { number } } }' })
  })
  const { data } = (await answer.json()) as { data: { _meta: { block: { number: number } } } }
  return data._meta.block.number
}

/** The same request, answered as of an earlier block. */
function atBlock(body: string, block: number): string {
  const request = JSON.parse(body) as { query: string }
  const query = request.query
    .replace(/\b_meta\s*\{/g, `_meta(block: { number: ${block} }) {`)
    .replaceAll('subgraphError: allow', `subgraphError: allow, block: { number: ${block} }`)
  return JSON.stringify({ ...request, query })
}

function failed(body: string): string {
  const answer = JSON.parse(body) as { data?: { _meta?: object } | null; errors?: object[] }
  if (answer.data?._meta === undefined) return body
  return JSON.stringify({
    data: { ...answer.data, _meta: { ...answer.data._meta, hasIndexingErrors: true } },
    errors: [{ message: 'indexing_error' }]
  })
}
