import type { Logger } from '../../src/interface/logger.js'

/** Says nothing, and remembers what it was told at `warn` and `error`. */
export function silentLogger(said: { level: string; message: string; fields: object }[] = []): Logger {
  const at = (level: string) => (fields: object, message: string) => {
    said.push({ level, message, fields })
  }
  const drop = (): void => {}
  return {
    trace: drop,
    debug: drop,
    info: drop,
    warn: at('warn'),
    error: at('error'),
    child: () => silentLogger(said)
  }
}
