import { dirname, relative } from 'node:path'
import type { BuffaloError, Logger } from '../../src/interface/index.js'
import { integer } from '../config/fields.js'
import type { Output } from '../output.js'
import type { Board } from '../testnet/board.js'
import { type Demo, type DemoReport, demo } from '../testnet/demo/demo.js'
import { parseFlag } from './flags.js'

/** What a local network is prepared with. */
export interface NetworkRun {
  flags: Record<string, unknown>
  leaseMs: number | undefined
  board: Board
  logger: Logger
  onStep(step: string): void
  onLog(node: string, line: string): void
  signal: AbortSignal
}

/** Throws ConfigError. */
export function prepareDemo({ flags, leaseMs, ...run }: NetworkRun): Demo {
  const count = (name: string, value: unknown, min: number, max: number, otherwise: number): number =>
    parseFlag(name, integer(min, max), value) ?? otherwise
  return demo({
    ...run,
    ...(leaseMs === undefined ? {} : { leaseMs }),
    sequencers: count('--sequencers', flags.sequencers, 1, 50, 1),
    // The token is read through two nodes.
    workers: count('--workers', flags.workers, 2, 200, 2),
    games: count('--games', flags.games, 1, 1_000, 20),
    seed: count('--seed', flags.seed, 0, 2 ** 31, 1),
    folder: flags.out === undefined ? 'buffalo-demo' : String(flags.out)
  })
}

/** `keptAt`: the network file of a network that stays up. */
export function printDemo(output: Output, report: DemoReport, keptAt: string | undefined): void {
  const { network, nodes, jobs, games, nft, faults } = report
  const ok = faults.length === 0
  const error: Pick<BuffaloError, 'code' | 'message'> = {
    code: 'BUFFALO_ERR_PROCESS',
    message: `The demonstration did not do what it should: ${faults.join('; ')}`
  }
  output.result(
    {
      ok,
      rpc: network.rpc,
      subgraph: network.subgraph,
      nodes: nodes.map(({ role, peerId }) => ({ role, peerId })),
      jobs,
      games: games ?? null,
      nft: nft ?? null,
      ...(keptAt === undefined ? {} : { networkFile: keptAt }),
      ...(ok ? {} : { error, faults })
    },
    describe(report, keptAt)
  )
}

function describe({ jobs, games, nft, faults }: DemoReport, keptAt: string | undefined): string {
  // The moves of all games would be a page of their own.
  const answers = jobs.filter(({ task }) => task !== 'reinforcement-learning')
  const moves = jobs.length - answers.length
  const lines = answers.map(
    ({ task, model, status, output, file }) =>
      `${task} (${model}): ${status}\n${indent(file === undefined ? short(output) : shown(file))}`
  )
  return [
    ...lines,
    ...(games === undefined
      ? []
      : [
          `reinforcement-learning: ${games.played} games of tic-tac-toe in ${moves} moves of the model: it won ${games.won}, drew ${games.drawn} and lost ${games.lost}`
        ]),
    ...(nft === undefined
      ? []
      : [
          `EvolvingNFT, token ${nft.tokenId}: ${nft.metadata.name}`,
          indent(
            `was ${nft.earlierTokenUri}\nis  ${nft.tokenUri} → ${nft.metadata.image}\n${shown(nft.picture)}`
          ),
          indent(`read through ${nft.via.join(' and ')}`)
        ]),
    faults.length === 0
      ? 'Every task of the repository was run through its contract.'
      : `Not as it should be:\n${indent(faults.join('\n'))}`,
    ...(keptAt === undefined
      ? []
      : [`\nThe network stays up until Ctrl+C; its file: ${keptAt}\n  npx buffalo-node submit --help`])
  ].join('\n')
}

function short(output: unknown): string {
  const text = typeof output === 'string' ? output : JSON.stringify(output)
  return text.length <= 300 ? text : `${text.slice(0, 299)}…`
}

/** A path as one would type it. */
function shown(file: string): string {
  const path = relative(process.cwd(), file)
  return path.startsWith('..') || dirname(path) === '' ? file : path
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}
