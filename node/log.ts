import { destination, type Logger as PinoLogger, pino } from 'pino'
import { isColorSupported, default as pretty } from 'pino-pretty'
import type { Logger } from '../src/interface/index.js'
import type { LogConfig } from './config/resolve.js'

/**
 * Logs to stderr: one JSON object a line, or coloured lines for people on a terminal. stdout is left to results.
 * Written at once, so that nothing is lost when the process is killed.
 */
export function createLogger(config: LogConfig): Logger {
  const forPeople = config.format === 'pretty' || (config.format === 'auto' && process.stderr.isTTY)
  const stream = forPeople
    ? pretty({
        destination: 2,
        sync: true,
        colorize: process.stderr.isTTY && isColorSupported,
        ignore: 'pid,hostname',
        translateTime: 'SYS:HH:MM:ss.l'
      })
    : destination({ dest: 2, sync: true })
  const root = pino({ level: config.level, base: undefined }, stream)
  // Whoever asks for details gets them all.
  const isDetailed = config.level === 'debug' || config.level === 'trace'
  return named(root, undefined, isDetailed ? fields => fields : withoutStack)
}

/** For the error that ends a program whose stderr holds a log in JSON and nothing else. */
export function failureLog(): Logger {
  return createLogger({ level: 'error', format: 'json' })
}

/** A child's name goes after its owner's: `worker:lease`. (pino would write two `name` fields.) */
function named(root: PinoLogger, name: string | undefined, brief: (fields: object) => object): Logger {
  const log = name === undefined ? root : root.child({ name })
  return {
    trace: (fields, message) => log.trace(fields, message),
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(brief(fields), message),
    warn: (fields, message) => log.warn(brief(fields), message),
    error: (fields, message) => log.error(fields, message),
    child: bindings => named(root, name === undefined ? bindings.name : `${name}:${bindings.name}`, brief)
  }
}

/** What is no error of this node is told in one line: an endpoint that is down has no place in our code. */
function withoutStack(fields: object): object {
  if (!('err' in fields) || !(fields.err instanceof Error)) {
    return fields
  }
  const { err } = fields
  return { ...fields, err: 'code' in err ? `${err.message} [${err.code}]` : err.message }
}
