import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { JsonRpcProvider } from 'ethers'
import { workerRegistryAbi } from '../../../src/chain/abi/index.js'
import { typedContract } from '../../../src/chain/typed-contract.js'
import type { NetworkIdentity } from '../../../src/interface/index.js'
import { peerIdOf, peerKeyOf } from '../../../src/network/identity.js'
import { childEnvironment } from '../../config/environment.js'
import { devWallet } from '../../devnet/accounts.js'
import { packageRoot } from '../../paths.js'
import { type HostileMode, hostileModes } from './hostile-messages.js'

/** What the process is told. */
export interface HostileOrder {
  network: NetworkIdentity
  /** Multiaddrs of those that it attacks. */
  targets: string[]
  /** `key`: libp2p's protobuf of it, in base64. */
  identities: { mode: HostileMode; key: string }[]
}

/** What one of its identities has done so far. */
export interface HostileReport {
  mode: HostileMode
  peerId: string
  messages: number
  bytes: number
  /** How often a node ended its stream. */
  streamsLost: number
  /** How often a node did not let it in. */
  dialsRefused: number
}

export interface HostilePeer {
  peers: { mode: HostileMode; peerId: string }[]
  reports(): HostileReport[]
  stop(): Promise<void>
}

/**
 * Starts a hostile peer with one identity for each mode. With `account`, each is registered as a worker before, so that
 * others take its word for more.
 */
export async function startHostilePeer(init: {
  network: NetworkIdentity
  provider: JsonRpcProvider
  targets: string[]
  /** Indexes of development accounts, one for each mode; undefined: it is a stranger. */
  accounts: number[] | undefined
}): Promise<HostilePeer> {
  const { network, provider, targets, accounts } = init
  const keys = await Promise.all(hostileModes.map(() => generateKeyPair('Ed25519')))
  for (const [index, account] of (accounts ?? []).entries()) {
    const key = keys[index]
    if (key === undefined) break
    const signer = devWallet(account).connect(provider)
    const sent = await typedContract(network.registry, workerRegistryAbi, signer).write('register', [
      `0x${peerKeyOf(key)}`
    ])
    await sent.wait()
  }
  const child = fork(join(packageRoot, 'dist/node/testnet/chaos/hostile-process.js'), [], {
    execArgv: [],
    env: childEnvironment(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const exited = once(child, 'exit')
  let latest: HostileReport[] = []
  child.on('message', reports => {
    latest = reports as HostileReport[]
  })
  const order: HostileOrder = {
    network: { chainId: network.chainId, oracle: network.oracle, registry: network.registry },
    targets,
    identities: keys.map((key, index) => ({
      mode: hostileModes[index] as HostileMode,
      key: Buffer.from(privateKeyToProtobuf(key)).toString('base64')
    }))
  }
  child.send(order)
  return {
    peers: hostileModes.map(mode => ({ mode, peerId: latestPeerId(keys, mode) })),
    reports: () => latest,
    async stop() {
      child.kill('SIGKILL')
      await exited
    }
  }

  function latestPeerId(all: typeof keys, mode: HostileMode): string {
    const key = all[hostileModes.indexOf(mode)]
    return key === undefined ? '' : peerIdOf(peerKeyOf(key)).toString()
  }
}
