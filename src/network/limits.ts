/**
 * Every size and number of the network, with its source. Beside gossip's own limits (src/gossip/limits.ts) they bound the
 * memory, sockets and time that strangers can take.
 */

export const connectionLimits = {
  /** Connections in all. gossipsub's mesh needs 12, kad-dht some 20 near ones; a default shell allows 1,024 files. */
  maxConnections: 300,
  /**
   * Connections of one peer: one each way where both dial at once, and one in place of what broke unnoticed.
   */
  perPeer: 3,
  /**
   * Connections from one address, or from 64 bits of an IPv6 one, which is what one user has. Not on the loopback interface. More than
   * gossipsub's scores let stay for long (14 peers).
   */
  perAddress: 16,
  /** New connections a second from one address. All nodes of one machine share 127.0.0.1, and may start at once. */
  inboundPerSecond: 50,
  /** Inbound connections that have not finished their handshake. Twice what one machine can begin in its 10 s timeout. */
  pendingInbound: 100,
  /** Dials at once: libp2p's own default of 100 would let discovery open a storm of sockets. */
  parallelDials: 16,
  /** Dials that wait. The dialer below never has more than `dialerLimits.parallel`; the rest are kad-dht's. */
  dialQueue: 200,
  /** How long one dial may take. TCP, noise and yamux take three round trips: well below a second each. */
  dialTimeoutMs: 5_000,
  /** Between two pings on a connection. libp2p's own default. */
  pingIntervalMs: 10_000,
  /**
   * A ping may take as long as a dial at least, and so long at most. libp2p's own default is 60 s, and its timeout grows for
   * all peers with each ping that fails: one peer that answers none would keep every dead connection for a minute. With this, a connection
   * on which packets vanish is given up within 20 s.
   */
  pingTimeoutMs: 10_000,
  /**
   * Streams of one connection, each way. Those that a peer may open by protocols are at most 48: gossip 2 of each of its three
   * versions, DHT 8, identify 1 and as many to push, ping 2, sync 4, timeline 2, blocks 16, copies of outputs 8. The rest is for
   * those that are being opened or closed, and for the 16 copies that this node may ask for.
   */
  streamsPerConnection: 64,
  /** Streams that one peer may open for a version of gossip: one, and one that takes its place. libp2p's own default is 32. */
  gossipStreams: 2,
  /** The same for the DHT: a query asks a peer three times at once. */
  dhtStreams: 8,
  /**
   * Bytes that may wait unread on one stream, by yamux's window: 10 MB/s over 100 ms. It begins with a quarter of it and grows
   * where it is read from, so that what is read along (gossip, DHT, blocks, copies: 38 streams) waits in its reader, and the other
   * 26 hold 256 KiB each: 6 MiB. libp2p's own default is 16 MiB.
   */
  streamWindowBytes: 1024 * 1024
} as const

/** Messages of the DHT, each with the fields of the peers in it: what kad-dht decodes at once. */
export const dhtLimits = {
  /** Of a peer that asks or provides: a key, and its own addresses, which take some 60 bytes each. */
  request: { bytes: 16 * 1024, fields: 512 },
  /** Of a peer that was asked: 20 closer peers and 64 providers with all that is let through below take 190 KB and 3,000 fields. */
  answer: { bytes: 256 * 1024, fields: 4_096 },
  /** Addresses of one peer that are passed on, and their bytes. A node has one for each network interface. */
  addressesOfPeer: 32,
  addressBytesOfPeer: 2 * 1024,
  /**
   * Addresses of a peer that this node keeps though the peer has not signed them. A node of one machine or room has some for each
   * interface; those that can be reached from elsewhere are one or two.
   */
  claimedAddresses: 8,
  /**
   * Requests that are worked on. One for the peers near a key was measured at 4 ms of a busy core, as the record of each of 20 peers is read: a
   * tenth of a core for a peer, a quarter for all. At once: of a node that tells of the content that it has, after a start.
   */
  requests: {
    peer: { perSecond: 25, burst: 200 },
    all: { perSecond: 60, burst: 600 },
    /** Peers with an account: three times the connection limit. About 100 bytes each. */
    maxPeers: 1_024
  },
  /** Requests that may come in one piece of a stream. kad-dht makes one on each. */
  requestsAtOnce: 16
} as const

export const forwardLimits = {
  /**
   * How long a message waits to be passed on, with a random part on top: long enough that messages of several jobs go
   * together, and a small part of the time across the internet. Who hears of a job over three other nodes hears of it 60 ms
   * later: claims are judged with seconds.
   */
  holdMs: 10,
  spreadMs: 20
} as const

export const dialerLimits = {
  /**
   * The dialer stops at this many peers. gossipsub's mesh is full at 12 (Dhi); four more stand by. A network of up to
   * 17 nodes is fully connected, so that a message takes one hop.
   */
  targetPeers: 16,
  /** Peers that it remembers to dial: as many as one directory may name. About 300 bytes each. */
  candidates: 1_000,
  /** Dials of its own at once. */
  parallel: 8,
  /** Wait after the first failure; doubled by each further one. A node that restarts is back within about a second. */
  backoffMs: 500,
  /**
   * The longest wait for a peer of the bootstrap list, or that has answered at its addresses: one that is back is found within half a
   * minute even if nothing else tells of it.
   */
  maxBackoffMs: 30_000,
  /**
   * The longest wait for any other: anyone can name addresses, of nobody or of somebody who has no part in this. 1,000 such
   * candidates are two dials a second. None is forgotten, as all fail where a node itself is cut off.
   */
  slowBackoffMs: 600_000
} as const

export const peerStoreLimits = {
  /** How long a peer's addresses are kept for a restart: a node that was off for a week finds its network again. */
  addressAgeMs: 7 * 24 * 3_600_000,
  /** How long a peer is kept that has no address. */
  peerAgeMs: 14 * 24 * 3_600_000,
  /** Peers that are kept: four times what one may dial of (`candidates`), and many times the connections. 2 MB on disk. */
  peers: 4_000,
  /** Of these, such as were known at the start. */
  residents: 2_000
} as const

export const gossipsubLimits = {
  /**
   * Bytes of one RPC, which may carry several messages: an answer to IWANT carries all that was asked for. 32 full
   * messages of 64 KiB. A peer that announces more loses its stream.
   */
  inboundRpcBytes: 2 * 1024 * 1024,
  /** Bytes that wait for one slow peer: four full RPCs; what comes after is lost to it, and fetched by gossip or sync. */
  outboundBufferBytes: 8 * 1024 * 1024,
  /** Messages of one RPC: as many as fit at 1 KiB. */
  rpcMessages: 2_048,
  /** Subscriptions of one RPC. There are four topics; others are ignored. */
  rpcSubscriptions: 64,
  /** Control messages of one kind in one RPC: one for each topic, and room. */
  rpcControls: 64,
  /** Message ids of one IHAVE or IWANT: gossipsub's own bound, GossipsubMaxIHaveLength. */
  rpcMessageIds: 5_000,
  /** Message ids of one IDONTWANT: gossipsub's own bound. */
  rpcIdontwantIds: 512,
  /** Peers of one PRUNE: gossipsub's own bound. Not used: peer exchange is off. */
  rpcPeers: 16,
  /**
   * Messages that are remembered: an id of some 150 bytes, and who brought it, of some 350: 150 MB. A network at the project's aim of 4,000 jobs a second, with a
   * message for every other job, makes 240,000 in the 120 s for which they are.
   */
  seenMessages: 300_000,
  /** Memory for the topics that one peer says it is on: gossipsub counts 1 KiB each; ours are four. */
  topicBytesPerPeer: 64 * 1024
} as const

/** What is read of one peer by gossip; see peer-guard.ts. */
export const guardLimits = {
  /**
   * A network of 4,000 jobs a second, the project's aim, makes 1 MB/s of announcements, leases and results, and each comes
   * over one peer once or twice: twice that.
   */
  bytesPerSecond: 4 * 1024 * 1024,
  /**
   * Messages and subscriptions. Measured: a node handles some 500 small messages a second beside its other work; a busier
   * one makes larger batches. Each costs 0.1 to 0.2 ms of signature check: a fifth of a core at most.
   */
  messagesPerSecond: 1_000,
  /** What a peer may send at once, in time at these rates: 4 MB or 1,000 messages, such as follow a pause of the network. */
  burstMs: 1_000,
  /** How long a hostile peer stays out: as long as gossipsub keeps its score (retainScore). */
  shutOutMs: 600_000,
  /** How often scores are looked at: about gossipsub's own heartbeat. */
  lookMs: 500,
  /** Peers with an account, and peers that are out: three times the connection limit. About 200 bytes each. */
  peers: 1_024
} as const

export const syncStreamLimits = {
  /** Bytes of a request and of an answer: a little above what src/sync/limits.ts lets a node send. */
  requestBytes: 192 * 1024,
  answerBytes: 2 * 1024 * 1024,
  /** How long a peer may take to open a stream, or to answer: as long as the answerer may work on it. */
  answerMs: 10_000,
  /** How long a stream may lie idle before its answerer ends it: an asker takes in a page in far less. */
  idleMs: 10_000,
  /** Streams of one peer, each way. */
  streamsPerPeer: 4
} as const

export const directoryLimits = {
  /** Entries that are read; those beyond are left alone. Far more nodes than one machine runs. */
  entries: 1_000,
  /** Bytes of one entry: 16 addresses of 256 bytes, and room. */
  entryBytes: 8 * 1024,
  /** Addresses of one entry. A node has one for each network interface. */
  addresses: 16,
  /** An entry that its node has not written for this long is removed: those of nodes that were killed would fill the folder. */
  ageMs: 7 * 24 * 3_600_000,
  /** How often a node writes its own anew. */
  refreshMs: 3_600_000,
  /** How often the folder is read: finding each other takes about half of it; one readdir costs under 1 ms. */
  pollMs: 500
} as const

/** Bytes of an identity file: a marshalled Ed25519 key has 68. */
export const identityBytes = 1_024
