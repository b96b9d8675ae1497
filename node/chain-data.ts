import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type OpenDatabaseComponents, type OpenedDatabase, openDatabase } from '../src/db/open.js'
import { otherChainOf } from '../src/db/stored-chain.js'
import { type Hex, WrongChainError } from '../src/interface/index.js'
import { devChainId } from './config/resolve.js'

export interface ChainData {
  dataDir: string
  chainId: number
  /** Undefined where the endpoint does not hold the first block: then nothing is compared. */
  genesisHash: Hex | undefined
}

/** Where the database of a devnet that has ended lies until the next one does. */
const asideName = 'db.other-chain'

/**
 * Sees to it that a database holds nothing of another chain: its transactions would be sent to this one, and its jobs be taken
 * for this one's. A devnet's chain is gone once it has ended, so its database is set aside, and a new one opened.
 *
 * @returns the database to use
 * @throws WrongChainError on every other chain. `opened` stays open then
 */
export async function fitToChain(
  opened: OpenedDatabase,
  { dataDir, chainId, genesisHash }: ChainData,
  components: OpenDatabaseComponents
): Promise<OpenedDatabase> {
  if (genesisHash === undefined) return opened
  const other = await otherChainOf(opened.database, genesisHash)
  if (other === undefined) return opened
  if (chainId !== devChainId) {
    throw new WrongChainError(
      `The data directory ${dataDir} is of the chain with the first block ${other}, and the RPC endpoint serves one with ${genesisHash}: check --rpc-url, or choose another --data-dir for this chain`
    )
  }
  await opened.database.close()
  const asidePath = join(dataDir, asideName)
  await rm(asidePath, { recursive: true, force: true })
  await rename(join(dataDir, 'db'), asidePath)
  components.logger.info(
    { asidePath },
    'The devnet was started anew: what this node kept of the earlier chain was set aside'
  )
  // What the key has signed for the earlier chain says nothing of jobs of this one.
  const fresh = await openDatabase({ dataDir, isNewIdentity: true }, components)
  await otherChainOf(fresh.database, genesisHash)
  return fresh
}
