/** One conversation with a peer: requests and answers, one after the other, over one stream. */
export interface SyncConversation {
  /** Sends a request and resolves with its answer. Rejects if the peer refuses, fails or takes too long. */
  ask(request: Uint8Array): Promise<Uint8Array>
  /** Ends it. Safe to repeat. */
  close(): Promise<void>
}

/** Answers the requests of one conversation. Throws to end it. */
export type SyncAnswer = (request: Uint8Array) => Uint8Array

/** What carries `/buffalo/sync/1.0.0`: libp2p streams in a node, function calls in tests and in the simulator. */
export interface SyncTransport {
  /** Peers that are connected now. */
  peers(): string[]
  open(peer: string, signal: AbortSignal): Promise<SyncConversation>
  /** Serves others from now on. `accept`: a peer begins a conversation; undefined refuses it. */
  serve(accept: (peer: string) => { answer: SyncAnswer; close(): void } | undefined): void | Promise<void>
  unserve(): void | Promise<void>
  /** Tells of each peer that connects, until the returned function is called. */
  onConnect(listener: (peer: string) => void): () => void
}
