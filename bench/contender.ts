/** How much of a stream is sent: until the time is over or the number is reached, whichever comes first. */
export interface StreamInit {
  seconds: number
  jobs: number
  /** Jobs that are on their way at a time. */
  inFlight: number
}

export interface StreamOutcome {
  jobs: number
  /** From the first job handed over until the last result was heard. */
  elapsedMs: number
}

/** One system under measurement. Jobs do nothing. */
export interface Contender<Report> {
  /** Sends jobs one at a time, each after the result of the one before. Resolves with the milliseconds of each. */
  roundTrips(count: number): Promise<number[]>
  stream(init: StreamInit): Promise<StreamOutcome>
  /** What it has counted since its start. */
  report(): Promise<Report>
  /** Ends all processes that it started. Safe to repeat. */
  stop(): Promise<void>
}
