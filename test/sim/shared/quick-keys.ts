import { quickKeys as ownKeys, type QuickKeys, quickPrivateKey } from '../../../src/gossip/quick-keys.js'

export { type QuickKeys, quickPrivateKey }

const keys = ownKeys()

/** As src/gossip/quick-keys.ts: all nodes of a simulation hear the same authors, so each key is made once. */
export const quickKeys = (): QuickKeys => keys
