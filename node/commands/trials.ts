import { z } from 'zod'
import { ConfigError } from '../../src/interface/index.js'
import { choice, type Field, integer } from '../config/fields.js'
import type { Output } from '../output.js'
import { runChaos } from '../testnet/chaos/chaos.js'
import type { TrialInit } from '../testnet/chaos/ground.js'
import { measureHostile } from '../testnet/chaos/hostile.js'
import { linkKinds } from '../testnet/chaos/links.js'
import { measureTakeover } from '../testnet/chaos/takeover.js'
import { parseFlag } from './flags.js'

/** The trials of `testnet`: what they are called on the command line. */
const trialFlags = ['chaos', 'takeover', 'hostile'] as const
export type TrialName = (typeof trialFlags)[number]

/** Long enough for two renewals to be lost, and short enough for a trial of minutes to see many leases end. */
const defaultLeaseMs = 3_000
/** Under chaos all share a busy machine: renewals come late without being at fault. */
const chaosLeaseMs = 5_000

const minutes: Field<number> = {
  schema: z.coerce.number().min(0.3).max(1_440),
  must: 'a number of minutes between 0.3 and 1440'
}

/** Which trial is asked for; undefined for the plain network. Throws ConfigError for more than one. */
export function trialOf(flags: Record<string, unknown>): TrialName | undefined {
  const named = trialFlags.filter(name => flags[name] === true)
  if (named.length > 1) {
    throw new ConfigError(
      `${named.map(name => `--${name}`).join(' and ')} cannot go together: run one after the other`
    )
  }
  return named[0]
}

export interface TrialRun {
  flags: Record<string, unknown>
  leaseMs: number | undefined
  logger: TrialInit['logger']
  output: Output
  onStep(step: string): void
  signal: AbortSignal
}

/** Runs a trial and prints what it found; `ok: false` makes the exit code 1. */
export async function runTrial(name: TrialName, run: TrialRun): Promise<void> {
  const { flags, output } = run
  const number = (flag: string, value: unknown, min: number, max: number, otherwise: number): number =>
    parseFlag(flag, integer(min, max), value) ?? otherwise
  const init: TrialInit = {
    ...run,
    leaseMs: run.leaseMs ?? defaultLeaseMs,
    sequencers: number('--sequencers', flags.sequencers, 1, 50, 1),
    workers: number('--workers', flags.workers, 1, 200, 3)
  }
  switch (name) {
    case 'takeover': {
      const kills = number('--kills', flags.kills, 1, 10_000, 30)
      const report = await measureTakeover({ ...init, kills })
      output.result(
        { ...report, ...failure(report.faults) },
        `${report.kills} holders killed, L = ${report.leaseMs} ms: taken over after p50 ${report.started.p50Ms} ms, p99 ${report.started.p99Ms} ms (bound ${report.boundMs} ms); final after p50 ${report.final.p50Ms} ms, p99 ${report.final.p99Ms} ms${verdict(report.faults)}`
      )
      return
    }
    case 'chaos': {
      const report = await runChaos({
        ...init,
        sequencers: number('--sequencers', flags.sequencers, 1, 50, 2),
        leaseMs: run.leaseMs ?? chaosLeaseMs,
        durationMs: (parseFlag('--minutes', minutes, flags.minutes) ?? 3) * 60_000,
        seed: number('--seed', flags.seed, 0, 2 ** 32 - 1, 1),
        intervalMs: number('--interval-ms', flags.intervalMs, 50, 60_000, 1_000),
        links: parseFlag('--links', choice(...linkKinds), flags.links)
      })
      const { jobs, duplicates, executions } = report
      output.result(
        { ...report, ...failure(report.faults) },
        `${jobs.succeeded} of ${jobs.onChain} jobs succeeded under ${Object.values(report.faultsCaused).reduce((a, b) => a + b, 0)} faults; ${executions} executions, ${duplicates.count} of them again; connections cut by ${report.links}${verdict(report.faults)}${report.directory === undefined ? '' : `\nLogs and data: ${report.directory}`}`
      )
      return
    }
    case 'hostile': {
      const report = await measureHostile({
        ...init,
        seconds: number('--seconds', flags.seconds, 5, 86_400, 60),
        intervalMs: number('--interval-ms', flags.intervalMs, 50, 60_000, 1_000),
        isRegistered: flags.registered === true
      })
      output.result(
        { ...report, ...failure(report.faults) },
        `${report.jobs.succeeded} of ${report.jobs.requested} jobs succeeded under attack${verdict(report.faults)}`
      )
    }
  }
}

function failure(faults: string[]): { error?: { code: string; message: string } } {
  return faults.length === 0
    ? {}
    : { error: { code: 'BUFFALO_ERR_PROCESS', message: `The trial failed: ${faults.join('; ')}` } }
}

function verdict(faults: string[]): string {
  return faults.length === 0 ? '' : `\nNot as it should be:\n    ${faults.join('\n    ')}`
}
