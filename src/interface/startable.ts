/** A service with a life of its own. Every phase is safe to repeat. */
export interface Startable {
  start(): void | Promise<void>
  stop(): void | Promise<void>
}
