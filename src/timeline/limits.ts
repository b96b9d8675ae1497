/** Every number of the timeline, with its source. Together they bound what it costs in memory, on disk and for others. */

export const recordLimits = {
  /** Between two writes. A killed node loses at most this much of its own story; the others know the rest. */
  flushMs: 250,
  /** Events that wait to be written: a flush at 4,000 jobs a second brings 10,000. About 300 bytes each, so 6 MB. */
  pendingEvents: 20_000,
  /** Segments between which other writes of the node get their turn: about 1 ms of work. */
  writeChunk: 64,
  /** Events of one segment: with `textChars` of each, a segment stays below half of `frameLimits.answerBytes`. */
  segmentEvents: 32,
  /** Events of one job. A job without faults has about ten on its worker, and three elsewhere. */
  jobEvents: 200,
  /** From here on, what others say of a job is no longer taken: what this node does itself still finds room. */
  jobEventsOfOthers: 160,
  /** From here on, renewals and repeated announcements are no longer taken. A lease of 5 minutes has 90 renewals. */
  jobRepetitions: 100,
  /** Jobs whose count of events is in memory, about 100 bytes each. One that was forgotten starts to count anew. */
  countedJobs: 20_000,
  /** Jobs that only a peer speaks of, and the chain does not hold: the rest is not worth a place on the disk. */
  strangeJobs: { perSecond: 5, burst: 50 },
  /** Characters of a text that comes from elsewhere: a manifest's location, a reason. */
  textChars: 256,
  /** Segments on disk. About 600 bytes each, and LevelDB packs them to a third: 50 MB. */
  segments: 250_000,
  /** How long a segment is kept. */
  ageMs: 7 * 24 * 3_600_000,
  /** Between two looks for what is too old or too much. */
  pruneMs: 60_000,
  /** Deletions of one batch. */
  pruneChunk: 256
} as const

export const frameLimits = {
  /** A request: a job id of 78 digits, a stamp of 16, and their names. */
  requestBytes: 256,
  /** What one answer may hold; the asker refuses more. */
  answerBytes: 128 * 1024,
  /** Events of a page: the next segment waits for the next page where it would go beyond. */
  pageBytes: 64 * 1024,
  /** All that one node may say of one job. `jobEvents` of usual length are 40 KB. */
  totalBytes: 256 * 1024,
  /** Pages of one job: as many as fit, and one for what is left. */
  pages: 5,
  /** Requests of one stream: four to compare the clocks, and the pages. */
  requests: 16
} as const

export const serveLimits = {
  /** Requests of one peer: a person asks for one job in some ten of them. */
  peer: { perSecond: 5, burst: 40 },
  /** Requests of all peers, as identities cost nothing. Each reads one range of the database: under 1 ms. */
  all: { perSecond: 100, burst: 200 },
  /** Peers with a bucket: as many as connections, three times over. */
  peers: 1_024,
  /** Streams of one connection at once. */
  streamsPerConnection: 2,
  /** A stream that takes longer is closed: loopback needs 10 ms, the slowest link a few seconds. */
  streamMs: 10_000
} as const

/** Exchanges by which the difference of two clocks is found: the one with the shortest way counts. */
export const clockSamples = 4
