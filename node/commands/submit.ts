import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { formatEther } from 'ethers'
import { z } from 'zod'
import type { AnyTask } from '../../models/index.js'
import {
  type Address,
  ConfigError,
  type Hex,
  NotFoundError,
  OutputFormat,
  SubgraphUnavailableError,
  TimeoutError
} from '../../src/interface/index.js'
import {
  type AskTarget,
  encodeInput,
  findTarget,
  gameRequest,
  type Request,
  sendRequest,
  taskRequest
} from '../client/ask.js'
import { contentReader } from '../client/content-reader.js'
import { drawBoard, readGame } from '../client/game-board.js'
import type { JobQueries, JobView } from '../client/job-queries.js'
import { type OutputFile, openOutputFile } from '../client/output-file.js'
import { failureLine, show, toPlain } from '../client/present.js'
import { outputHint, saveOutput } from '../client/save-output.js'
import { openSession, type Session } from '../client/session.js'
import { readTaskInput } from '../client/task-input.js'
import { readTasks } from '../client/task-registry.js'
import { address, choice, type Field, integer } from '../config/fields.js'
import { type ClientConfig, resolveClientConfig } from '../config/resolve.js'
import { clientSettings } from '../config/settings.js'
import { createLogger } from '../log.js'
import { type Output, reportFailure } from '../output.js'
import { listenForStop } from '../stop-signal.js'
import { sleep } from '../wait.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'
import { seedOf } from './seed.js'
import { submitExamples } from './submit-examples.js'

const pollIntervalMs = 250
const formats = { raw: OutputFormat.Raw, nft: OutputFormat.NFTMeta }

const field: Field<readonly [bigint, bigint]> = {
  schema: z
    .string()
    .regex(/^[0-2],[0-2]$/)
    .transform(text => [BigInt(text[0] ?? 0), BigInt(text[2] ?? 0)] as const),
  must: 'a column and a row from 0 to 2, such as 1,1'
}

export function addSubmitCommand(program: Command): void {
  const command = new Command('submit')
    .description('ask for one job of any task, and pay for it')
    .argument('<task>', 'for example image-to-text; all are below')
    .option(
      '--input <file or https://…>',
      'a file, whose bytes go on chain, or what the worker reads: https://…, ipfs://…, ar://…, or a GraphQL query { … }'
    )
    .option('--prompt <text>', 'the text of a task that takes one')
    .option('--move <x,y>', 'your move in a game: column and row, from 0')
    .option('--game <id>', 'the game to go on with; a new one by default')
    .option('--model <name>', "name or contract of a model; the task's first one by default")
    .option('--seed <seed>', 'text, or bytes as 0x…; random by default')
    .option('--format <format>', 'raw, or nft: a picture with ERC-721 metadata', 'raw')
    .option('--output <file>', 'write the answer (a picture, or what would be printed) into this file')
    .option('--wait', 'wait until the job is final, and print its output; --output does so, too')
    .option('--timeout <seconds>', 'how long to wait', '120')
    .addHelpText('after', submitExamples)
  addSettings(command, [...clientSettings, 'bootstrap']).action((task: string) => submit(task, command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function submit(taskName: string, command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const config = resolveClientConfig(loaded)
  const registry = await readTasks()
  const task = registry.task(taskName)
  const timeoutMs = (parseFlag('--timeout', integer(1, 86_400), flags.timeout) ?? 120) * 1_000
  const isGame = task.input.type === 'game'
  // A game's contract names the seed itself.
  const seed = isGame ? undefined : seedOf(flags.seed, `0x${randomBytes(32).toString('hex')}`)
  const isAwaited = flags.wait === true || flags.output !== undefined
  const stop = listenForStop(output.progress, 'the command')
  const session = await openSession(config, stop.signal)
  let file: OutputFile | undefined
  try {
    const { target, request } =
      seed === undefined
        ? await prepareMove(task, flags, config, session)
        : await prepareTask(task, flags, seed, config, session)
    if (isAwaited) {
      // A subgraph that is down is told of before the job is paid for.
      await session.jobs.jobs({ limit: 1 })
    }
    if (typeof flags.output === 'string' && !isGame) {
      // So is a file that cannot be written.
      file = await openOutputFile(flags.output)
    }
    const startedAtMs = performance.now()
    const asked = await sendRequest(request, target, await session.signer(), {
      timeoutMs,
      onSent: txHash => output.progress(`The request is sent in ${txHash}; waiting for its block`)
    })
    const id = asked.jobId.toString()
    const requested = {
      id,
      task: task.name,
      status: 'open',
      requestTxHash: asked.txHash,
      paymentWei: asked.payment.toString(),
      seed
    }
    if (!isAwaited) {
      output.result(
        { ok: true, job: requested },
        `Job ${id} was requested in ${asked.txHash} for ${formatEther(asked.payment)} ether. Its answer: npx buffalo-node job ${id}`
      )
      return
    }
    output.progress(
      `Job ${id} was requested in ${asked.txHash} for ${formatEther(asked.payment)} ether; waiting for a worker`
    )
    try {
      const final = await waitUntilFinal(session.jobs, asked.jobId, {
        timeoutMs,
        signal: stop.signal,
        say: output.progress
      })
      await report(final, request, Math.round(performance.now() - startedAtMs))
    } catch (err) {
      // The job was paid for: whoever reads the JSON learns which it is.
      reportFailure(err, output.json, false, { job: requested })
    }
  } finally {
    await file?.close()
    session.close()
    stop.dispose()
  }

  async function report(final: JobView, request: Request, latencyMs: number): Promise<void> {
    const shown = show(final, registry)
    const job = { ...toPlain(shown), seed, latencyMs }
    if (final.status !== 'succeeded') {
      const message = `Job ${final.id} failed with ${failureLine(final)}`
      output.result({ ok: false, job, error: { code: 'BUFFALO_ERR_JOB_FAILED', message } }, message)
      return
    }
    if (isGame) {
      const view = await readGame(request.to, config.network.oracle, final.id, session.provider)
      const { game, state, board } = view
      output.result(
        { ok: true, job, game: { id: game.toString(), state, board } },
        `${drawBoard(board)}\ngame ${game}: ${state}`
      )
      return
    }
    if (file === undefined || typeof flags.output !== 'string') {
      output.result({ ok: true, job }, shown.text ?? final.result?.output ?? '')
      return
    }
    const read = contentReader({ ...config, logger: createLogger({ ...config.log, level: 'error' }) })
    try {
      const { bytes, metadata } = await saveOutput(shown, task, file, { read, signal: stop.signal })
      const saved = { file: resolve(flags.output), bytes, ...(metadata === undefined ? {} : { metadata }) }
      const about = metadata === undefined ? '' : `\n${JSON.stringify(metadata, undefined, 2)}`
      output.result({ ok: true, job, saved }, `${flags.output} (${bytes} bytes)${about}`)
    } catch (err) {
      output.progress(outputHint(shown))
      reportFailure(err, output.json, false, { job })
    }
  }
}

type Prepared = { target: AskTarget; request: Request }

async function prepareTask(
  task: AnyTask,
  flags: Record<string, unknown>,
  seed: Hex,
  config: ClientConfig,
  { provider }: Session
): Promise<Prepared> {
  refuseFlags(flags, ['move', 'game'], `${task.name} is no game`)
  const format = formats[parseFlag('--format', choice('raw', 'nft'), flags.format) ?? 'raw']
  const input = await readTaskInput(task, {
    input: flags.input === undefined ? undefined : String(flags.input),
    prompt: flags.prompt === undefined ? undefined : String(flags.prompt)
  })
  const { oracle } = config.network
  const encoded = await encodeInput(task, input, oracle, provider)
  const { models, client } = config
  const model = modelOf(flags.model)
  const target = await findTarget({ task, oracle, models, client, model, provider })
  return { target, request: taskRequest(task, target, { input, encoded, seed, format }) }
}

/** A model of a game reads the board from the contract that asks: a move goes through the TicTacToe example. */
async function prepareMove(
  task: AnyTask,
  flags: Record<string, unknown>,
  config: ClientConfig,
  { provider }: Session
): Promise<Prepared> {
  refuseFlags(flags, ['input', 'prompt', 'model', 'seed'], `${task.name} is asked by a game`)
  const move = parseFlag('--move', field, flags.move)
  if (move === undefined) {
    throw new ConfigError(`${task.name} needs --move <x,y> (see --help)`)
  }
  const game = parseFlag('--game', integer(1), flags.game)
  const contract: Address | undefined = config.examples.TicTacToe
  if (contract === undefined) {
    throw new NotFoundError(
      'The network file names no TicTacToe contract under "examples": deploy contracts/examples/TicTacToe.sol, and add it'
    )
  }
  const { oracle } = config.network
  const { models } = config
  const target = await findTarget({ task, oracle, models, client: undefined, model: undefined, provider })
  return { target, request: gameRequest(contract, move, game === undefined ? undefined : BigInt(game)) }
}

function refuseFlags(flags: Record<string, unknown>, names: string[], why: string): void {
  for (const name of names) {
    if (flags[name] !== undefined) {
      throw new ConfigError(`--${name} (flag): ${why}`)
    }
  }
}

/** A name, or the address of a contract. */
function modelOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.startsWith('0x')
    ? parseFlag('--model', address, value)
    : (value as string | undefined)
}

/** Polls the subgraph, also through an outage. Throws TimeoutError, SubgraphUnavailableError, InterruptedError. */
async function waitUntilFinal(
  jobs: JobQueries,
  id: bigint,
  { timeoutMs, signal, say }: { timeoutMs: number; signal: AbortSignal; say: Output['progress'] }
): Promise<JobView> {
  const deadlineMs = performance.now() + timeoutMs
  let outage: SubgraphUnavailableError | undefined
  for (;;) {
    try {
      const job = await jobs.job(id)
      if (job !== undefined && job.status !== 'open') {
        return job
      }
      outage = undefined
    } catch (err) {
      if (!(err instanceof SubgraphUnavailableError)) {
        throw err
      }
      if (outage === undefined) {
        say(`${err.message}; trying again`)
      }
      outage = err
    }
    if (performance.now() >= deadlineMs) {
      throw (
        outage ??
        new TimeoutError(
          `Job ${id} is not final after ${timeoutMs / 1_000} s: see that a sequencer and a worker run, then \`npx buffalo-node job ${id}\``
        )
      )
    }
    await sleep(pollIntervalMs, signal)
  }
}
