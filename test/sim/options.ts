import { parseArgs } from 'node:util'
import { type BreakRule, breakRules, describeBreak } from './breaks.js'
import { type FaultKind, faultKinds } from './faults.js'

/** What the command line asks for. */
export interface Options {
  /** Seeds to run, in order. */
  seeds: number[]
  workers: number
  jobs: number
  kinds: FaultKind[]
  broken: BreakRule | undefined
  json: boolean
  threads: number
  /** Many workers and jobs, in a world without faults. */
  mode: 'seeds' | 'large' | 'scale'
  verbose: boolean
  /** All seeds are networks at rest. */
  rest: boolean
}

/** From this many workers on a run is about scale: one seed, no faults. */
const LARGE_WORKERS = 50

const help = `npm run sim -- [options]

Runs the real worker and sequencer on simulated clocks, disks, networks and chains, and checks the invariants of
docs/protocol.md after each run. The same seed gives the same run, always.

  --seeds N        run the seeds 1 to N (default 100)
  --from N         begin with this seed (default 1)
  --seed N         run one seed, and print its faults and what happened
  --workers N      honest workers (default 7); ${LARGE_WORKERS} and more: one large run without faults
  --jobs N         jobs of a run (default 20)
  --faults LIST    kinds of faults to draw from, with commas; none: no faults. Default: all of
                   ${faultKinds.join(', ')}
  --break RULE     break a rule on purpose; violations must follow:
${breakRules.map(rule => `                   ${rule}: ${describeBreak[rule]}`).join('\n')}
  --rest           networks at rest only: few workers and jobs, and a long silence. Else, one seed in ten
  --scale          messages for each job at 10, 100 and 1,000 workers
  --threads N      processes of this machine to use (default 2)
  --json           print one JSON object
  --help           print this

Exit status: 0 if no invariant was broken, 1 if one was, 2 if the options are wrong.
`

export class UsageError extends Error {}

/** Throws UsageError. Undefined: help was asked for, and is in \`help\`. */
export function readOptions(args: string[]): Options | { help: string } {
  let values: ReturnType<typeof parse>['values']
  try {
    values = parse(args).values
  } catch (err) {
    throw new UsageError(err instanceof Error ? err.message : String(err))
  }
  if (values.help === true) return { help }
  const workers = whole('workers', values.workers, 7)
  const isLarge = workers >= LARGE_WORKERS
  const mode = values.scale === true ? 'scale' : isLarge ? 'large' : 'seeds'
  const one = values.seed === undefined ? undefined : whole('seed', values.seed, 1)
  const from = whole('from', values.from, 1)
  const count = whole('seeds', values.seeds, isLarge ? 1 : 100)
  return {
    seeds: one === undefined ? Array.from({ length: count }, (_, index) => from + index) : [one],
    workers,
    jobs: whole('jobs', values.jobs, isLarge ? 1_000 : 20),
    kinds: kindsOf(values.faults),
    broken: ruleOf(values.break),
    json: values.json === true,
    threads: whole('threads', values.threads, 2),
    mode,
    verbose: one !== undefined,
    rest: values.rest === true
  }
}

const parse = (args: string[]) =>
  parseArgs({
    args,
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      seed: { type: 'string' },
      workers: { type: 'string' },
      jobs: { type: 'string' },
      faults: { type: 'string' },
      break: { type: 'string' },
      rest: { type: 'boolean' },
      scale: { type: 'boolean' },
      threads: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' }
    }
  })

function whole(name: string, value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise
  if (!/^\d{1,9}$/.test(value) || Number(value) === 0)
    throw new UsageError(`--${name} must be a whole number from 1, not ${value}`)
  return Number(value)
}

function kindsOf(list: string | undefined): FaultKind[] {
  if (list === undefined) return [...faultKinds]
  if (list === 'none' || list === '') return []
  return list.split(',').map(name => {
    const kind = faultKinds.find(known => known === name.trim())
    if (kind === undefined) throw new UsageError(`--faults: ${name} is none of ${faultKinds.join(', ')}`)
    return kind
  })
}

function ruleOf(name: string | undefined): BreakRule | undefined {
  if (name === undefined) return undefined
  const rule = breakRules.find(known => known === name)
  if (rule === undefined) throw new UsageError(`--break: ${name} is none of ${breakRules.join(', ')}`)
  return rule
}
