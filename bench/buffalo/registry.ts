import type { Address, PeerKey } from '../../src/interface/index.js'

/** The account of a worker. No transaction is sent, so that any will do. */
export const accountOf = (key: PeerKey): Address => `0x${key.slice(0, 40)}`
