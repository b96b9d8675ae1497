import { randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { Command } from 'commander'
import { isHexString, toUtf8Bytes } from 'ethers'
import { createModelRegistry } from '../../models/index.js'
import { ConfigError, type Hex, SubgraphUnavailableError, TimeoutError } from '../../src/interface/index.js'
import { type AskInput, ask, checkInput, findTarget } from '../client/ask.js'
import type { JobQueries, JobView } from '../client/job-queries.js'
import { failureLine, show, toPlain } from '../client/present.js'
import { openSession } from '../client/session.js'
import { address, integer } from '../config/fields.js'
import { resolveClientConfig } from '../config/resolve.js'
import { clientSettings } from '../config/settings.js'
import { type Output, reportFailure } from '../output.js'
import { listenForStop } from '../stop-signal.js'
import { sleep } from '../wait.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'

/** More than any network takes on chain: a wrong path is noticed before the file fills the memory. */
const maxFileBytes = 64 * 1024 * 1024
const pollIntervalMs = 250

export function addSubmitCommand(program: Command): void {
  const command = new Command('submit')
    .description('ask for one job, and pay for it')
    .argument('<task>', 'for example image-to-text')
    .requiredOption(
      '--input <file or https://…>',
      'a file, whose bytes go on chain, or a location that the worker reads'
    )
    .option('--model <address>', 'model contract; the one of the network file by default')
    .option('--seed <seed>', 'text, or bytes as 0x…; random by default')
    .option('--wait', 'wait until the job is final, and print its output')
    .option('--timeout <seconds>', 'how long to wait', '120')
    .addHelpText(
      'after',
      `
Examples:
  $ npx buffalo-node submit image-to-text --input picture.png --wait
  $ npx buffalo-node submit image-to-text --input https://example.org/receipt.jpg --seed 0x01 --json
`
    )
  addSettings(command, clientSettings).action((task: string) => submit(task, command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function submit(taskName: string, command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const config = resolveClientConfig(loaded)
  const registry = await createModelRegistry()
  const task = registry.task(taskName)
  const timeoutMs = (parseFlag('--timeout', integer(1, 86_400), flags.timeout) ?? 120) * 1_000
  const model = parseFlag('--model', address, flags.model)
  const seed = seedOf(flags.seed)
  const input = await readInput(String(flags.input))
  const stop = listenForStop(output.progress, 'the command')
  const session = await openSession(config, stop.signal)
  try {
    const { oracle } = config.network
    const { provider } = session
    await checkInput(task, input, oracle, provider)
    const target = await findTarget({
      task,
      oracle,
      models: config.models,
      client: config.client,
      model,
      provider
    })
    if (flags.wait === true) {
      // A subgraph that is down is told of before the job is paid for.
      await session.jobs.jobs({ limit: 1 })
    }
    const startedAtMs = performance.now()
    const signer = await session.signer()
    const asked = await ask(target, input, seed, signer, {
      timeoutMs,
      onSent: txHash => output.progress(`The request is sent in ${txHash}; waiting for its block`)
    })
    const id = asked.jobId.toString()
    const requested = { id, task: task.name, status: 'open', requestTxHash: asked.txHash, seed }
    if (flags.wait !== true) {
      output.result(
        { ok: true, job: requested },
        `Job ${id} was requested in ${asked.txHash}. Its answer: npx buffalo-node job ${id}`
      )
      return
    }
    output.progress(`Job ${id} was requested in ${asked.txHash}; waiting for a worker`)
    try {
      const final = await waitUntilFinal(session.jobs, asked.jobId, {
        timeoutMs,
        signal: stop.signal,
        say: output.progress
      })
      report(output, final, Math.round(performance.now() - startedAtMs))
    } catch (err) {
      // The job was paid for: whoever reads the JSON learns which it is.
      reportFailure(err, output.json, false, { job: requested })
    }
  } finally {
    session.close()
    stop.dispose()
  }

  function report(out: Output, final: JobView, latencyMs: number): void {
    const shown = show(final, registry)
    const job = { ...toPlain(shown), seed, latencyMs }
    if (final.status === 'succeeded') {
      out.result({ ok: true, job }, shown.text ?? final.result?.output ?? '')
      return
    }
    const message = `Job ${final.id} failed with ${failureLine(final)}`
    out.result({ ok: false, job, error: { code: 'BUFFALO_ERR_JOB_FAILED', message } }, message)
  }
}

/** Polls the subgraph, also through an outage. Throws TimeoutError, SubgraphUnavailableError, InterruptedError. */
async function waitUntilFinal(
  jobs: JobQueries,
  id: bigint,
  { timeoutMs, signal, say }: { timeoutMs: number; signal: AbortSignal; say: (line: string) => void }
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

async function readInput(input: string): Promise<AskInput> {
  if (/^(https|ipfs):\/\//.test(input)) {
    return { kind: 'location', location: input }
  }
  if (/^[a-z]+:\/\//.test(input)) {
    throw new ConfigError(`--input (flag): must be a file, or begin with https://, got "${input}"`)
  }
  try {
    const { size } = await stat(input)
    if (size > maxFileBytes) {
      throw new RangeError(`it has ${size} bytes, and no network takes that many`)
    }
    return { kind: 'content', bytes: await readFile(input) }
  } catch (err) {
    throw new ConfigError(`--input (flag): cannot read ${input}: ${reasonOf(err)}`, { cause: err })
  }
}

function reasonOf(err: unknown): string {
  if (!(err instanceof Error)) {
    return String(err)
  }
  const code = 'code' in err ? err.code : undefined
  return code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : err.message
}

function seedOf(value: unknown): Hex {
  if (value === undefined) {
    return `0x${randomBytes(32).toString('hex')}`
  }
  const seed = String(value)
  if (!seed.startsWith('0x')) {
    return `0x${Buffer.from(toUtf8Bytes(seed)).toString('hex')}`
  }
  if (!isHexString(seed) || seed.length % 2 !== 0) {
    throw new ConfigError(`--seed (flag): must be text, or bytes in hex such as 0x01ff, got "${seed}"`)
  }
  return seed as Hex
}
