/** Every size and number of content, with its source. They bound the disk, memory and traffic that strangers can take. */

export const contentLimits = {
  /** Of one block: what all of IPFS takes (the size that kubo warns at). Ours have 1 MiB. */
  blockBytes: 2 * 1024 * 1024,
  /** Blocks in the store: about 250 bytes of memory each, 25 MB. Of leaves of 1 MiB, 100 GB. */
  storedBlocks: 100_000,
  /** Levels of a UnixFS tree: with 1,024 links a node, three are a terabyte; with kubo's older 174, four. */
  treeDepth: 8,
  /** Blocks of one tree besides its leaves of 1 KiB or more: a tree of smaller leaves is refused. */
  treeNodes: 4_096,
  leastLeafBytes: 1024,

  /** Wants that are kept of one peer: bitswap's own default, and what a node of a tree has links. */
  wantsOfPeer: 1_024,
  /** Of a CID in a want: 36 bytes for SHA-256. Longer ones are of no hash that is served. */
  cidBytes: 64,
  /** Read into memory for one peer at once: one block of the largest size, or two of ours. */
  roundBytes: 2 * 1024 * 1024,
  /** Peers that are sent blocks at once: 64 MiB of blocks in memory. */
  servedAtOnce: 32,
  /** How long a peer may take for one round: 2 MiB at 1 Mbit/s. */
  sendTimeoutMs: 20_000,
  /** What one peer is sent: the uplink of a good server, shared by two. */
  servedBytesPerSecond: 64 * 1024 * 1024,
  /** Of one message that comes in: bitswap's own bound, a block and its frame. */
  messageBytes: 4 * 1024 * 1024,
  /** In one message: a want list of 10,000 entries. They take 20 ms and 20 MB at most. */
  messageFields: 65_536,
  /** Of one peer: 64 MiB of blocks of 4 KiB have 50,000, and as many wants. They take a twentieth of a core. */
  fieldsPerSecond: 131_072,
  /** Of messages of a peer that wait until what it was asked has been sent: what was asked of it at once, twice. */
  waitingBytesOfPeer: 16 * 1024 * 1024,
  /** Bitswap streams of one peer, each way. Each carries one message and ends. */
  streamsPerPeer: 16,

  /** Blocks asked of one peer at once: 8 MiB on their way fill a line of 100 MB/s at 80 ms. */
  asksPerPeer: 8,
  /** Peers asked for one download, those that answered first: more would only share the same downlink. */
  sources: 8,
  /** Peers that wait to be asked: more than a node has connections to workers. */
  reserve: 256,
  /** How long a peer may take for a block: 2 MiB at 1 Mbit/s. */
  blockTimeoutMs: 20_000,
  /** After this time, a peer that has nothing to do is asked for a block that another is late with. */
  hedgeAfterMs: 1_500,
  /** Failures after which a peer is asked no more in this download. */
  failuresOfSource: 4,
  /** How long a download waits without any block coming, while it looks for peers. */
  idleTimeoutMs: 30_000,
  /** How often it looks for more peers while it waits. */
  searchEveryMs: 2_000,
  /** How long a search waits for a first peer: a connection and what it speaks are known within two round trips. */
  firstPeerMs: 3_000,
  /** Of one search in the DHT. */
  searchTimeoutMs: 10_000,
  /** Providers taken from one search. */
  providers: 20,

  /** Outputs of others: of one at most; of one peer in all; of all peers, as a share of the quota. */
  pinBytes: 32 * 1024 * 1024,
  pinsOfPeer: 1_024,
  pinBytesOfPeer: 256 * 1024 * 1024,
  pinShareOfOthers: 0.25,
  /** Pins of others end after this time: a month to be copied on by whoever values them. */
  pinAgeMs: 30 * 24 * 3_600_000,
  /** How often it is looked for such. */
  pruneEveryMs: 3_600_000,
  /** Streams by which one peer is asked to keep outputs: as many as jobs run at once on a large worker. */
  pinStreams: 16,
  /** Pin requests of one peer that are worked on at once: one of each of its slots. */
  pinsAtOnce: 8,
  /** How long a copy of an output may take: 16 MiB at 10 Mbit/s. */
  pinTimeoutMs: 15_000
} as const
