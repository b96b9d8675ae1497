/** What a validator says of a message (gossipsub's words). */
export type Verdict = 'accept' | 'ignore' | 'reject'

/** A publish-subscribe network: gossipsub in a node, a simulated one in tests. */
export interface PubSub {
  /**
   * Every message of the topic is first shown to `validate`; what it accepts is delivered by its own side effect
   * and forwarded to other peers. `from`: the peer that relayed it, not its author.
   */
  subscribe(topic: string, validate: (from: string, data: Uint8Array) => Promise<Verdict>): void
  unsubscribe(topic: string): void
  /**
   * Holds something against a peer, and against no other. Not the same as `reject`, which is held against all that pass the message
   * on: for what a peer does to this node alone, which others do not see. Several times make it a hostile peer.
   */
  penalise?(peer: string): void
  /** Resolves once handed to the network. Without any peer on the topic it resolves all the same. */
  publish(topic: string, data: Uint8Array): Promise<void>
  /** Peers known to be on the topic. */
  subscribers(topic: string): string[]
}
