import type { NodeStatus } from './node-status.js'
import { problemText } from './problems.js'
import type { StatusRead } from './status-file.js'
import { writeIntervalMs } from './status-keeper.js'

/** How a node is, as far as its file and its process show. */
export type Condition =
  | 'starting'
  | 'running'
  | 'stopping'
  /** Its process is there, and has been silent for long. */
  | 'not-responding'
  /** It ended because it was told to. */
  | 'stopped'
  /** It ended with an error, and said so. */
  | 'failed'
  /** Its process is gone, and did not say that it ended. */
  | 'lost'
  /** There is no status file. */
  | 'absent'
  | 'unreadable'

export interface Verdict {
  condition: Condition
  /** It runs, is ready, and nothing keeps it from working. */
  ok: boolean
  /** In a few words: `not responding (last wrote 3 min ago)`. */
  says: string
  /** What to do; undefined where there is nothing to do. */
  advice: string | undefined
  problems: { code: string; text: string }[]
  status: NodeStatus | undefined
}

/** Six writes may be missed: a machine under heavy load, or a disk that is slow. */
export const staleAfterMs = 6 * writeIntervalMs

/** What is known of the machine on which the file is read. */
export interface Surroundings {
  nowMs: number
  host: string
  /** When the machine was started. */
  bootMs: number
  isAlive(pid: number): boolean
}

/** Says how a node is. `dataDir`: for what to do next. */
export function judge(read: StatusRead, dataDir: string, surroundings: Surroundings): Verdict {
  if (read.kind === 'absent') {
    return silent(
      'absent',
      'unknown (no node has left a status here)',
      'Check --data-dir or --role. A node leaves its status a moment after it was started'
    )
  }
  if (read.kind === 'unreadable') {
    return silent(
      'unreadable',
      `unknown (its status file cannot be read: ${read.why})`,
      `If the node runs, its log tells more; it writes the file anew every ${writeIntervalMs / 1_000} s. Check the disk, and who else writes to ${dataDir}`
    )
  }
  // A file server's clock may be ahead of ours.
  const touchedMs = read.touchedMs > surroundings.nowMs ? read.status.writtenAtMs : read.touchedMs
  return judgeStatus(read.status, touchedMs, dataDir, surroundings)
}

function judgeStatus(
  status: NodeStatus,
  touchedMs: number,
  dataDir: string,
  { nowMs, host, bootMs, isAlive }: Surroundings
): Verdict {
  const { pid, role, writtenAtMs, failure } = status
  const lastMs = Math.max(writtenAtMs, touchedMs)
  const ago = (ms: number): string => `${duration(nowMs - ms)} ago`
  const about = { status, problems: [] }
  // Its other settings are not in the file, and some would change what it is.
  const again = `start it again, with the settings that it had (--role ${role} --data-dir ${dataDir}, …)`

  if (status.state === 'stopped') {
    return failure === null
      ? {
          ...about,
          condition: 'stopped',
          ok: false,
          says: `not running (ended cleanly ${ago(writtenAtMs)})`,
          advice: capital(again)
        }
      : {
          ...about,
          condition: 'failed',
          ok: false,
          says: `not running (ended ${ago(writtenAtMs)}: ${failure.message} [${failure.code}])`,
          advice: `See ${failure.code} in docs/errors.md; then ${again}`
        }
  }
  // In another container or on another machine the pid says nothing: then the file alone must do.
  const isGone = status.host === host ? lastMs < bootMs || !isAlive(pid) : false
  if (isGone) {
    return {
      ...about,
      condition: 'lost',
      ok: false,
      says: `not running (ended without saying so; last wrote ${ago(lastMs)})`,
      advice: `It crashed, was killed, or the machine went down: see the end of its log, and the system's log for the memory. Nothing is lost: ${again}`
    }
  }
  // A clock that was set back makes the file look as if it came from the future.
  if (Math.abs(nowMs - lastMs) > staleAfterMs) {
    const place = status.host === host ? '' : ` on ${status.host}`
    return {
      ...about,
      condition: 'not-responding',
      ok: false,
      says: `not responding (last wrote ${ago(lastMs)})`,
      advice: `It hangs or is paused, its disk cannot be written to, or process ${pid}${place} is another program by now: see its log and \`ps -p ${pid}\`. If it is the node and does not come back, end it (\`kill ${pid}\`, then \`kill -9 ${pid}\`) and ${again}: nothing is lost`
    }
  }
  if (status.state === 'starting') {
    const step = status.step === null ? '' : `: ${status.step}`
    return {
      ...about,
      condition: 'starting',
      ok: false,
      says: `starting for ${duration(nowMs - status.startedAtMs)}${step}`,
      advice: 'Wait until it is ready; if that takes long, its log says what it waits for'
    }
  }
  if (status.state === 'stopping') {
    return { ...about, condition: 'stopping', ok: false, says: 'stopping', advice: undefined }
  }
  const problems = [
    // First, as it says how old the others are; and a full disk is the reason of some of them.
    ...(touchedMs - writtenAtMs > staleAfterMs
      ? [
          {
            code: 'status-unwritten',
            text: `It cannot write its status file: what follows is ${duration(nowMs - writtenAtMs)} old. Free some space on the disk of ${dataDir}`
          }
        ]
      : []),
    ...status.problems.map(code => ({ code, text: problemText(code, status) }))
  ]
  const ok = problems.length === 0
  return {
    status,
    problems,
    condition: 'running',
    ok,
    says: ok ? 'running' : 'running, but something is wrong',
    advice: undefined
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

function silent(condition: Condition, says: string, advice: string): Verdict {
  return { condition, ok: false, says, advice, problems: [], status: undefined }
}

const units: [string, number][] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1]
]

/** `3 min`, `2 h 5 min`: the two largest units, the second only where it matters. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  const first = units.findIndex(([, size]) => seconds >= size)
  const [unit, size] = units[first] ?? ['s', 1]
  const whole = `${Math.floor(seconds / size)} ${unit}`
  const [nextUnit, nextSize] = units[first + 1] ?? ['s', 1]
  const rest = Math.floor((seconds % size) / nextSize)
  return unit === 's' || unit === 'min' || rest === 0 ? whole : `${whole} ${rest} ${nextUnit}`
}
