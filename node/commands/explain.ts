import { Command } from 'commander'
import { abortable } from '../../src/interface/abort.js'
import { ConfigError, NotFoundError, TimeoutError } from '../../src/interface/index.js'
import type { JobView } from '../client/job-queries.js'
import { createJobQueries } from '../client/job-queries.js'
import { show, toPlain } from '../client/present.js'
import { openSession } from '../client/session.js'
import { readTasks } from '../client/task-registry.js'
import { type ChainHistory, readChainHistory } from '../client/timeline-chain.js'
import { describeStory, shownNodes, toPlainStoryEvent } from '../client/timeline-present.js'
import { tellStory } from '../client/timeline-story.js'
import { integer } from '../config/fields.js'
import { loadNetwork } from '../config/load.js'
import { type ClientConfig, resolveClientConfig } from '../config/resolve.js'
import { clientSettings } from '../config/settings.js'
import { createLogger } from '../log.js'
import { listenForStop } from '../stop-signal.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'

/** A node on the other side of the world answers in one; a person waits no longer gladly. */
const defaultTimeLimitS = 5

export function addExplainCommand(program: Command): void {
  const command = new Command('explain')
    .description(
      'tell what happened to a job, and why: from the chain, and from all nodes that can be reached'
    )
    .argument('<id>', 'as submit printed it')
    .option(
      '--time-limit <s>',
      `seconds in which nodes, subgraph and chain may answer, each; ${defaultTimeLimitS} by default`
    )
    .addHelpText(
      'after',
      `
Nodes are found by the network file (peers, bootstrap) or --bootstrap. Each line is the word of the node named in it; others
that say the same are named after it. Times are corrected by the differences of the clocks.

Examples:
  $ npx buffalo-node explain 1
  $ npx buffalo-node explain 1 --json
`
    )
  addSettings(command, [...clientSettings, 'bootstrap', 'timing']).action((id: string) =>
    explain(id, command)
  )
  program.addCommand(command.copyInheritedSettings(program))
}

async function explain(text: string, command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const config = resolveClientConfig(loaded)
  const { schema, must } = integer(1)
  const id = schema.safeParse(text)
  if (!id.success) {
    throw new ConfigError(`<id> (argument): must be ${must}, got "${text}"`)
  }
  const jobId = BigInt(id.data)
  const timeoutMs =
    1_000 * (parseFlag('--time-limit', integer(1, 600), flags['timeLimit']) ?? defaultTimeLimitS)
  const network = loadNetwork(loaded)
  const stop = listenForStop(line => output.progress(line), 'explain')
  try {
    // Only here: --help and mistakes need not wait for libp2p.
    const { askNodes } = await import('../client/timeline-nodes.js')
    const [ledger, nodes] = await Promise.all([
      readLedger(config, jobId, timeoutMs, stop.signal),
      askNodes({
        jobId,
        bootstrap: loaded.settings.bootstrap ?? network?.bootstrap ?? [],
        peersDirectory: network?.peers,
        local: (loaded.settings.timing ?? network?.timing) === 'local',
        timeoutMs,
        logger: createLogger(config.log).child({ name: 'client' }),
        signal: stop.signal
      })
    ])
    const { view, history, problems } = ledger
    const isKnown =
      view !== undefined ||
      (history?.events.length ?? 0) > 0 ||
      nodes.some(node => (node.timeline?.events.length ?? 0) > 0)
    if (!isKnown) {
      // Where nobody could be asked, nothing is known of the job: not even that it does not exist.
      if (problems.length === 2) throw problems[0]
      throw new NotFoundError(`There is no job ${text} (yet): see \`npx buffalo-node jobs\``)
    }
    const story = tellStory({ jobId, chain: history?.events, nodes }, Date.now())
    const shown = shownNodes(nodes, story)
    const notes = problems.map(problem => problem.message)
    if (history?.isCut === true) notes.push('The chain was read in part only: it may hold more of this job')
    const job = view === undefined ? { id: text } : toPlain(show(view, await readTasks()))
    const startMs = story.events[0]?.atMs ?? 0
    output.result(
      {
        ok: true,
        job,
        events: story.events.map(event => toPlainStoryEvent(event, startMs)),
        winner: story.winner ?? null,
        nodes: shown,
        notes
      },
      `job ${text}${view === undefined ? '' : `, ${view.status}`}, ${describeStory(story, shown, notes, history !== undefined)}`
    )
  } finally {
    stop.dispose()
  }
}

interface Ledger {
  view: JobView | undefined
  history: ChainHistory | undefined
  /** Of the subgraph and of the chain; the rest is told without them. */
  problems: Error[]
}

/** What subgraph and chain know of the job. Rejects only if it is interrupted. */
async function readLedger(
  config: ClientConfig,
  jobId: bigint,
  timeoutMs: number,
  stop: AbortSignal
): Promise<Ledger> {
  const problems: Error[] = []
  /** Each has the whole time: one that hangs takes nothing from the other. */
  async function told<T>(
    what: string,
    setting: string,
    read: (signal: AbortSignal) => Promise<T>
  ): Promise<T | undefined> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
    try {
      return await abortable(read(signal), signal)
    } catch (err) {
      stop.throwIfAborted()
      problems.push(
        signal.aborted
          ? new TimeoutError(
              `${what} did not answer within ${timeoutMs / 1_000} s: check that it is up, and ${setting}, or give it more with --time-limit`
            )
          : asError(err)
      )
      return undefined
    }
  }
  const view = await told('The subgraph', '--subgraph-url', () =>
    createJobQueries(config.subgraph).job(jobId)
  )
  const history = await told('The chain', '--rpc-url', signal =>
    readHistory(config, jobId, view?.blockNumber, signal)
  )
  return { view, history, problems }
}

async function readHistory(
  config: ClientConfig,
  jobId: bigint,
  createdBlock: number | undefined,
  signal: AbortSignal
): Promise<ChainHistory> {
  const session = await openSession(config, signal)
  try {
    return await readChainHistory(session.provider, config.network, jobId, createdBlock)
  } finally {
    session.close()
  }
}

const asError = (err: unknown): Error => (err instanceof Error ? err : new Error(String(err)))
