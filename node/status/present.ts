import { formatEther } from 'ethers'
import type { NodeStatus } from './node-status.js'
import { duration, type Verdict } from './verdict.js'

/** How a node is, for people. `dataDir`: as they know it. */
export function describe(verdict: Verdict, dataDir: string, nowMs: number): string {
  const { status, says, advice, problems } = verdict
  const name = status === undefined ? 'node' : `${status.role} ${status.peerId}`
  return [
    `${name} in ${dataDir}: ${says}`,
    ...(advice === undefined ? [] : [`  ${advice}`]),
    ...problems.map(({ text }) => `  ! ${text}`),
    ...(status === undefined || !isShown(verdict) ? [] : rowsOf(status, nowMs).map(row))
  ].join('\n')
}

/** What a node that is gone was like last says little. */
const isShown = ({ condition }: Verdict): boolean =>
  ['starting', 'running', 'stopping', 'not-responding'].includes(condition)

const some = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

const row = ([name, value]: [string, string]): string => `  ${name.padEnd(11)} ${value}`

function rowsOf(status: NodeStatus, nowMs: number): [string, string][] {
  const { worker, sequencer, chain, network, peers } = status
  const ago = (ms: number): string => `${duration(nowMs - ms)} ago`
  const since = status.readyAtMs ?? status.startedAtMs
  const rows: [string, string | undefined][] = [
    [
      'state',
      `${status.state} for ${duration(nowMs - since)}; process ${status.pid}, version ${status.version}, ${Math.round(status.rssBytes / 2 ** 20)} MB`
    ],
    ['network', `chain ${network.chainId}, Oracle ${network.oracle}`],
    ['peers', `${peers} connected${worker === null ? '' : `, ${some(worker.workers, 'other worker')}`}`],
    ...status.addresses.map((address): [string, string] => ['address', address]),
    ['chain', chain === null ? undefined : chainLine(chain, ago)],
    [
      'subgraph',
      sequencer === null
        ? undefined
        : sequencer.subgraphReadMs === null
          ? 'not read yet'
          : `read ${ago(sequencer.subgraphReadMs)}, up to block ${sequencer.blockNumber ?? '?'}`
    ],
    ['account', worker === null ? undefined : accountLine(worker, ago)],
    ['jobs', jobsLine(status)],
    ['so far', soFar(status.events)]
  ]
  return rows.filter((line): line is [string, string] => line[1] !== undefined)
}

function chainLine(
  { answeredMs, isDown, blockNumber }: NonNullable<NodeStatus['chain']>,
  ago: (ms: number) => string
): string {
  const last = answeredMs === null ? 'has not answered yet' : `answered ${ago(answeredMs)}`
  return `${isDown ? 'down; ' : ''}${last}${blockNumber === null ? '' : `, block ${blockNumber}`}`
}

function accountLine(
  { account, balanceWei, balanceAtMs }: NonNullable<NodeStatus['worker']>,
  ago: (ms: number) => string
): string {
  const balance =
    balanceWei === null || balanceAtMs === null
      ? ''
      : `, ${formatEther(balanceWei)} ether (${ago(balanceAtMs)})`
  return `${account}${balance}`
}

function jobsLine({ worker, sequencer }: NodeStatus): string | undefined {
  if (worker === null) return sequencer === null ? undefined : `${sequencer.openJobs} open`
  const { openJobs, heldJobs, runningJobs, capacity, models, waitingResults, pendingTransactions } = worker
  return `${openJobs} open, ${heldJobs} held, ${runningJobs} of ${capacity} running; ${some(waitingResults, 'result')} and ${some(pendingTransactions, 'transaction')} on their way; ${some(models, 'model')}`
}

/** How many jobs came how far, of those that the node has had to do with since its start. */
function soFar(events: NodeStatus['events']): string | undefined {
  const told: [string, string][] = [
    ['job:indexed', 'read'],
    ['lease:acquired', 'taken'],
    ['execution:finished', 'run'],
    ['execution:aborted', 'stopped'],
    ['submission:accepted', 'on chain'],
    ['submission:refused', 'refused']
  ]
  const line = told.flatMap(([type, words]) =>
    events[type] === undefined ? [] : [`${events[type]} ${words}`]
  )
  return line.length === 0 ? undefined : line.join(', ')
}
