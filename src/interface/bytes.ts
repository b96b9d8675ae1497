/** Lowercase hex with `0x`, as the chain and the subgraph write bytes. */
export type Hex = `0x${string}`
/** A checksummed Ethereum address. */
export type Address = Hex
/** The raw 32-byte Ed25519 public key of a node, as 64 lowercase hex digits without `0x`. */
export type PeerKey = string
/** SHA-256 job key (docs/protocol.md, "Job identity"), as 64 lowercase hex digits without `0x`. */
export type JobKey = string
