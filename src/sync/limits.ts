/** Every size and rate of the sync protocol, with its source. Together they bound what one peer can cost a node. */
export const syncLimits = {
  /** Bytes of one answer: 2,048 jobs take 230 kB; a page of leases is cut at an eighth of this. */
  answerBytes: 1024 * 1024,
  /** Bytes of one request: 8 for each known job of the asked buckets, up to 16,384 of them, and room. */
  requestBytes: 160 * 1024,
  /** Known jobs of one request; what is not named is sent again, and dropped by the asker. */
  knownIds: 16_384,
  /** Jobs of one answer: some 20 ms to put together, so that the event loop of a node that serves stays free. */
  answerJobs: 2_048,
  /** Bytes of leases or presences in one answer: 2,300 leases, which take their receiver some 40 ms to check and take in. */
  envelopeBytes: 128 * 1024,
  /** Envelopes of one answer. The proto file says the same. */
  envelopes: 1_024,
  /** Proofs of one answer, of up to 32 kB each. */
  proofs: 16,
  /** Live workers whose presence is told: who joins hears of the others within an interval. */
  presences: 1_024,
  /** Conversations that one peer may hold with this node at a time. */
  conversationsPerPeer: 2,
  /** Conversations of all peers at a time. Each may hold a list of the envelopes with live leases: 100,000 are 1 MB. */
  conversations: 16,
  /** Requests of one peer. To bring over 100,000 jobs and their leases takes some 80. */
  requests: { perSecond: 50, burst: 500 },
  /** Bytes that are sent to one peer: 100,000 jobs and their leases are 20 MB. */
  bytes: { perSecond: 2 * 1024 * 1024, burst: 64 * 1024 * 1024 },
  /**
   * Work for one peer: jobs and ids that are looked at, each 0.5 to 1 µs, so up to a tenth of a core. To bring over 100,000 jobs and
   * their leases takes some 1,500,000.
   */
  work: { perSecond: 100_000, burst: 3_000_000 },
  /** Work for all peers: up to a quarter of a core; at once as much as two that join with nothing. */
  allWork: { perSecond: 250_000, burst: 6_000_000 },
  /** What one job costs that is put into an answer, in looks: some 5 µs. */
  jobWork: 8,
  /** How long a list of the envelopes with live leases serves all that ask: to make it takes 50 ms where there are 500,000. */
  leaseListMs: 2_000,
  /** Peers with a bucket. */
  peers: 1_024,
  /** How long one answer may take. */
  answerMs: 10_000,
  /** How long one conversation may take, for who asks and for who answers, and how many requests it may have: 500 of 2,048 jobs are a million. */
  conversationMs: 120_000,
  conversationRequests: 1_000,
  /** Jobs that the index holds: as many as wait for their check (src/job/intake.ts), and are checked. */
  indexJobs: 250_000,
  /** Jobs that are remembered as final: some 60 bytes each. */
  closed: 65_536
} as const
