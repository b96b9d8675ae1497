/**
 * The logger that every service is given as a child of its owner's. The shape is that of pino:
 * fields first, then the message. An `err` field holds an Error.
 */
export interface Logger {
  trace(fields: object, message: string): void
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(bindings: { name: string }): Logger
}
