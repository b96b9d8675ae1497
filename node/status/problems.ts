import { formatEther } from 'ethers'
import type { SubmitProblem } from '../../src/interface/index.js'
import type { NodeStatus } from './node-status.js'

/** The subgraph is asked every second; an endpoint that is slow, or a page that is large, takes some more. */
export const subgraphSilenceMs = 30_000

/** What keeps a node from working. The codes are of the status file and of metrics: append, never rename. */
export type NodeProblem =
  | 'no-peers'
  | 'chain-down'
  | 'disk-full'
  | 'old-leases'
  | 'wrong-clock'
  | 'subgraph-down'
  | 'subgraph-errors'
  | (typeof submitProblems)[SubmitProblem]

const submitProblems = {
  'no funds': 'no-funds',
  'gas price': 'gas-price',
  cost: 'cost',
  'not registered': 'not-registered',
  'another node': 'another-node',
  'unknown transactions': 'unknown-transactions'
} as const satisfies Record<SubmitProblem, string>

/** What a node knows of itself, of which the problems follow. */
export interface ProblemSources {
  nowMs: number
  isWritable: boolean
  quietUntilMs: number
  isClockRight: boolean
  submitProblems: readonly SubmitProblem[]
}

/** Of a node that is ready. */
export function problemsOf(
  { readyAtMs, peers, chain, sequencer }: Pick<NodeStatus, 'readyAtMs' | 'peers' | 'chain' | 'sequencer'>,
  { nowMs, isWritable, quietUntilMs, isClockRight, submitProblems: submitting }: ProblemSources
): NodeProblem[] {
  // What has not been read yet may be, for as long after the start as between two reads.
  const subgraphReadMs = sequencer?.subgraphReadMs ?? readyAtMs ?? nowMs
  const found: [NodeProblem, boolean][] = [
    ['no-peers', peers === 0],
    ['chain-down', chain?.isDown === true],
    ['disk-full', !isWritable],
    ['old-leases', quietUntilMs > nowMs],
    ['wrong-clock', !isClockRight],
    ['subgraph-down', sequencer !== null && nowMs - subgraphReadMs > subgraphSilenceMs],
    ['subgraph-errors', sequencer?.hasIndexingErrors === true]
  ]
  return [
    ...found.filter(([, isThere]) => isThere).map(([code]) => code),
    ...submitting.map(problem => submitProblems[problem])
  ]
}

/** What a problem means, and what to do, in one line. Of a code that this version does not know: the code. */
export function problemText(code: string, status: NodeStatus): string {
  const text = texts[code as NodeProblem]
  return typeof text === 'function' ? text(status) : `It reports the problem "${code}": see its log`
}

const accountOf = ({ worker }: NodeStatus): string => worker?.account ?? 'of this worker'

const texts: Record<NodeProblem, (status: NodeStatus) => string> = {
  'no-peers': () =>
    'It is connected to no other node, so it hears of nothing: check that others run, that the network file names them (bootstrap, or --bootstrap), and the firewall',
  'chain-down': () =>
    'The RPC endpoint does not answer: check it, and --rpc-url. The node goes on by itself when it is back',
  'disk-full': () =>
    'The disk does not take writes: free some space. The node goes on by itself (docs/durability.md)',
  'old-leases': () =>
    'It claims nothing until leases that its key may have signed earlier have run out, which takes some seconds; if this lasts, another node runs with the same identity.key: stop one of the two',
  'wrong-clock': () =>
    'Its clock differs from those of most other workers, so it claims nothing: set it, and run NTP. The node goes on by itself some seconds after',
  'subgraph-down': () =>
    'The subgraph cannot be read: check it, and --subgraph-url. The node goes on by itself when it is back',
  'subgraph-errors': () =>
    'The subgraph reports indexing errors, so jobs may be missing: deploy it again, or use another',
  'no-funds': status =>
    `Account ${accountOf(status)} cannot pay for its transactions${balanceOf(status)}: send it funds on chain ${status.network.chainId}. Results are kept and sent then`,
  'gas-price': () =>
    'Gas costs more than --max-fee-gwei, so nothing is claimed and results wait: raise it if this lasts',
  cost: () =>
    'A submission costs more than --max-cost-factor times what a job pays, so nothing is claimed and results wait: raise the factor if this lasts',
  'not-registered': status =>
    `Account ${accountOf(status)} is not registered as a worker any more: start the node again, which registers it`,
  'another-node': status =>
    `Account ${accountOf(status)} is registered for another node: each worker needs an account of its own; to take this one back, start the node again with --replace-registration`,
  'unknown-transactions': status =>
    `Account ${accountOf(status)} has transactions in the pool that this node did not send: results are sent when those are mined or dropped; use the account for nothing else`
}

function balanceOf({ worker }: NodeStatus): string {
  return worker?.balanceWei == null ? '' : ` (it holds ${formatEther(worker.balanceWei)} ether)`
}
