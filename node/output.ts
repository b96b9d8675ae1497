import { BuffaloError, type Logger } from '../src/interface/index.js'

/** What a command prints. stdout carries its result, stderr everything else. */
export interface Output {
  readonly json: boolean
  /**
   * The result of the command: with --json one object as the last line of stdout, else `text`.
   * `ok: false` makes the exit code 1.
   */
  result(value: { ok: boolean } & Record<string, unknown>, text: string): void
  /** A line for people; nothing with --json. */
  say(line: string): void
  /** A line of progress, on stderr. */
  progress(line: string): void
}

export function createOutput(json: boolean): Output {
  return {
    json,
    result(value, text) {
      process.stdout.write(`${json ? toJson(value) : text}\n`)
      if (!value.ok) {
        process.exitCode = 1
      }
    },
    say(line) {
      if (!json) {
        process.stdout.write(`${line}\n`)
      }
    },
    progress(line) {
      process.stderr.write(`${line}\n`)
    }
  }
}

/** JSON on one line; bigints as decimal text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? item.toString() : item))
}

/**
 * Prints an error as the end of the program: one clear line, or the JSON object. Sets the exit code to 1.
 * `about`: what the JSON object tells besides, where something came of the command all the same.
 * `log`: takes the error in place of the line, where stderr holds nothing but a log.
 */
export function reportFailure(
  err: unknown,
  json: boolean,
  debug: boolean,
  about: Record<string, unknown> = {},
  log?: Pick<Logger, 'error'>
): void {
  const known = err instanceof BuffaloError
  const message = err instanceof Error ? err.message : String(err)
  if (json) {
    process.stdout.write(
      `${toJson({ ok: false, ...about, error: { code: known ? err.code : 'BUFFALO_ERR_UNEXPECTED', message } })}\n`
    )
  }
  process.exitCode = 1
  if (log !== undefined) {
    log.error(known && !debug ? { code: err.code } : { err }, message)
    return
  }
  const line = `error: ${message.replaceAll('\n', ' ')}${known ? ` [${err.code}]` : ''}`
  // What was not foreseen is a fault of the program: its place is worth more than a tidy screen.
  const detail = err instanceof Error && (debug || !known) ? `\n${err.stack ?? ''}` : ''
  process.stderr.write(`${line}${detail}\n`)
}
