/**
 * Checks the models of this folder with spin: `npm run model-check -- [--json] [--only <name>]`.
 *
 * Each configuration is compiled and searched to the end, in a folder of its own that is removed afterwards. Needs `spin`
 * and a C compiler. Takes 80 to 100 s of processor time and less than 1 GB. Exits 0 if all ends as expected: what should hold holds in
 * every state, and what is broken on purpose is found.
 */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { type Configuration, configurations } from './configurations.ts'

const run = promisify(execFile)
const modelDir = dirname(fileURLToPath(import.meta.url))

/** Searches that run at a time. In all they take 80 to 100 s of processor time, and each at most 600 MB. */
const atOnce = 2
/** Of the search's states; the stack and the hash table take 150 MB beside it. */
const memoryMb = 1_500
/** Steps of one path. The longest has 2,000. */
const maxDepth = 100_000
/** 2 to the power of it are the slots of the hash table. */
const hashBits = 22
const maxOutputBytes = 4 * 1024 * 1024

interface Report {
  name: string
  property: string
  states: number
  depth: number
  errors: number
  expected: 'holds' | 'fails'
  /** What was found, where something was. */
  violated: string | undefined
  seconds: number
  ok: boolean
}

function missingTools(): string | undefined {
  const missing = ['spin', 'cc'].filter(tool => spawnSync(tool, ['--version']).error !== undefined)
  return missing.length === 0
    ? undefined
    : `The model check needs ${missing.join(' and ')}: install with "apt-get install spin gcc" (Debian, Ubuntu) or "brew install spin"`
}

async function check(configuration: Configuration): Promise<Report> {
  const { name, file, property, defines, expected, liveness = false } = configuration
  const startedMs = performance.now()
  const dir = await mkdtemp(join(tmpdir(), 'buffalo-model-'))
  try {
    const names = Object.entries(defines).map(
      ([key, value]) => `-D${key}${value === true ? '' : `=${value}`}`
    )
    await run('spin', ['-a', ...names, join(modelDir, file)], { cwd: dir })
    // What is broken is found soon, so that optimising would take longer than the search.
    const effort = expected.kind === 'fails' ? '-O0' : '-O1'
    // NFAIR: weak fairness for up to 30 processes.
    const kind = liveness ? ['-DNFAIR=3'] : ['-DSAFETY', '-DNOFAIR']
    await run('cc', [effort, '-w', ...kind, `-DMEMLIM=${memoryMb}`, '-o', 'pan', 'pan.c'], {
      cwd: dir,
      maxBuffer: maxOutputBytes
    })
    // -E: that all ends at the deadline is no fault. -a -f: cycles that break the formula, under weak fairness.
    const search = liveness ? ['-a', '-f'] : ['-E']
    const { stdout } = await run('./pan', [...search, `-m${maxDepth}`, `-w${hashBits}`], {
      cwd: dir,
      maxBuffer: maxOutputBytes
    }).catch((err: Error & { stdout?: string }) => {
      throw new Error(`${name}: pan ended with an error: ${err.stdout ?? err.message}`)
    })
    const found = readSearch(name, stdout)
    const ok =
      expected.kind === 'holds'
        ? found.errors === 0 && found.isComplete
        : found.violated?.includes(expected.assertion) === true
    const { states, depth, errors, violated } = found
    const seconds = Math.round((performance.now() - startedMs) / 100) / 10
    return { name, property, states, depth, errors, expected: expected.kind, violated, seconds, ok }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** What pan prints at the end of a search. */
function readSearch(name: string, output: string) {
  const number = (pattern: RegExp): number => {
    const found = pattern.exec(output)?.[1]
    if (found === undefined) throw new Error(`${name}: pan printed no result:\n${output}`)
    return Number(found)
  }
  return {
    depth: number(/depth reached (\d+)/u),
    errors: number(/errors: (\d+)/u),
    states: number(/([\d.e+]+) states, stored/u),
    violated:
      /assertion violated (.+) \(at depth \d+\)/u.exec(output)?.[1] ?? /acceptance cycle/u.exec(output)?.[0],
    isComplete: !/Search not completed|search depth too small|out of memory/u.test(output)
  }
}

function describe({ name, states, depth, errors, expected, violated, seconds, ok }: Report): string {
  const end = errors === 0 ? 'holds' : `fails: ${violated}`
  return `${ok ? 'ok  ' : 'FAIL'} ${name}: ${states} states, depth ${depth}, ${end} (expected: ${expected}), ${seconds} s`
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } })
const isJson = values.json === true
const chosen = configurations.filter(({ name }) => values.only === undefined || name === values.only)
const problem =
  chosen.length === 0 ? `No configuration has the name ${values.only}: see configurations.ts` : missingTools()
if (problem !== undefined) {
  if (isJson) console.log(JSON.stringify({ ok: false, error: problem }))
  else console.error(problem)
  process.exit(1)
}

const reports: Report[] = []
try {
  const waiting = [...chosen]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const report = await check(next)
      reports.push(report)
      if (!isJson) console.log(describe(report))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  const names = chosen.map(({ name }) => name)
  reports.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name))
  const ok = reports.every(report => report.ok)
  if (isJson) console.log(JSON.stringify({ ok, configurations: reports }))
  process.exitCode = ok ? 0 : 1
} catch (err) {
  if (!isJson) throw err
  console.log(JSON.stringify({ ok: false, error: String(err), configurations: reports }))
  process.exitCode = 1
}
