import { readFileSync } from 'node:fs'
import { ContractFactory, HDNodeWallet, keccak256, Mnemonic, NonceManager, type Provider } from 'ethers'
import { exampleClientAbi, oracleAbi } from '../../src/chain/abi/index.js'
import { loadAccount } from '../../src/chain/account.js'
import { oracleInterface, registryInterface } from '../../src/chain/interfaces.js'
import { type ChainClient, createChainClient } from '../../src/chain/provider.js'
import { submissionChain } from '../../src/chain/submission-chain.js'
import { typedContract } from '../../src/chain/typed-contract.js'
import type {
  Address,
  Hex,
  JobReference,
  NetworkIdentity,
  SigningAccount,
  SubmissionChain
} from '../../src/interface/index.js'
import { jobKey } from '../../src/job/job-key.js'
import { type Anvil, startAnvil } from './anvil.js'
import { silentLogger } from './silent-logger.js'

/** A chain of its own with the real contracts and one registered worker for each index from 1. */
export interface OracleChain {
  anvil: Anvil
  client: ChainClient
  network: NetworkIdentity
  chain: SubmissionChain
  workers: SigningAccount[]
  /** Asks the model through the example client, `count` times in one block or more. */
  createJobs(count: number): Promise<{ reference: JobReference; requestHash: Hex }[]>
  /** A client of the same network over another address, such as that of a proxy. */
  connect(url: string): Promise<ChainClient>
  /** One raw call; `anvil_*` and `evm_*` too. */
  rpc(method: string, params?: unknown[]): Promise<unknown>
  /** How many JobSucceeded and JobFailed logs the chain holds for a job. */
  finalisations(jobId: bigint): Promise<number>
  stop(): Promise<void>
}

const phrase = 'test test test test test test test test test test test junk'
const price = 1_000_000_000_000_000n

/** Account 0 deploys and asks; accounts 1 to `workers` are registered. */
export async function startOracleChain({ workers = 1 }: { workers?: number } = {}): Promise<OracleChain> {
  const anvil = await startAnvil()
  const pollIntervalMs = 20
  const rpc = async (method: string, params: unknown[] = []) => {
    const response = await fetch(anvil.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    })
    const answer = (await response.json()) as { result?: unknown; error?: { message: string } }
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`)
    return answer.result
  }
  const network: NetworkIdentity = { chainId: 31337, oracle: '0x', registry: '0x' }
  const deployer = HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(phrase), "m/44'/60'/0'/0/0")
  const connect = (rpcUrl: string) =>
    createChainClient({ rpcUrl, network, pollIntervalMs, log: silentLogger() })
  // Any address with code will do until the contracts are there.
  await rpc('anvil_setCode', ['0x00000000000000000000000000000000000000fe', '0x00'])
  const setup = await createChainClient({
    rpcUrl: anvil.url,
    network: {
      chainId: 31337,
      oracle: '0x00000000000000000000000000000000000000fe',
      registry: '0x00000000000000000000000000000000000000fe'
    },
    pollIntervalMs,
    log: silentLogger()
  })
  const { clientAddress } = await deployAll(setup.provider)
  setup.destroy()

  const client = await connect(anvil.url)
  const accounts: SigningAccount[] = []
  for (let index = 1; index <= workers; index++) {
    const account = await loadAccount({ kind: 'development', index }, 31337)
    accounts.push(account)
    const wallet = HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(phrase), `m/44'/60'/0'/0/${index}`)
    const data = registryInterface.encodeFunctionData('register', [keccak256(account.address)])
    await (await wallet.connect(client.provider).sendTransaction({ to: network.registry, data })).wait()
  }

  async function deployAll(provider: Provider): Promise<{ clientAddress: Address }> {
    const signer = new NonceManager(deployer.connect(provider))
    const deploy = async (name: string, args: unknown[]): Promise<Address> => {
      const json = readFileSync(new URL(`../../contracts/build/${name}.json`, import.meta.url), 'utf8')
      const { abi, bytecode } = JSON.parse(json) as { abi: []; bytecode: string }
      const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args)
      await contract.waitForDeployment()
      return (await contract.getAddress()) as Address
    }
    const settings = {
      price,
      jobTimeoutSeconds: 3_600,
      callbackGasLimit: 1_000_000,
      maxInputBytes: 64 << 10,
      maxOutputBytes: 16 << 10,
      maxReasonBytes: 512
    }
    const registry = await deploy('WorkerRegistry', [])
    const oracle = await deploy('Oracle', [deployer.address, registry, settings])
    const model = await deploy('ImageToText', [
      {
        owner: deployer.address,
        oracleAdmin: deployer.address,
        oracle,
        manifestLocation: 'ipfs://bafkreitest',
        upgradeable: true,
        modelPrice: 0n
      }
    ])
    const approval = await typedContract(oracle, oracleAbi, signer).write('approveModelCode', [model, true])
    await approval.wait()
    Object.assign(network, { oracle, registry })
    return { clientAddress: await deploy('ExampleClient', [model]) }
  }

  const logsOf = async (topics: (string | string[] | null)[]) =>
    await client.provider.getLogs({ address: network.oracle, fromBlock: 0, toBlock: 'latest', topics })

  return {
    anvil,
    client,
    network,
    chain: submissionChain({ network, rpc: client.rpc }),
    workers: accounts,
    connect,
    rpc,
    async createJobs(count) {
      const signer = deployer.connect(client.provider)
      const asker = typedContract(clientAddress, exampleClientAbi, signer)
      const iface = typedContract(network.oracle, oracleAbi, client.provider)
      const jobs: { reference: JobReference; requestHash: Hex }[] = []
      let nonce = await client.provider.getTransactionCount(deployer.address, 'latest')
      for (let i = 0; i < count; i++) {
        const sent = await asker.write('ask', ['0x1234', '0x01'], { value: price, nonce: nonce++ })
        const receipt = await sent.wait()
        const created = topicOf('JobCreated')
        const log = receipt?.logs.find(({ topics }) => topics[0] === created)
        if (log === undefined) throw new Error('no JobCreated')
        const partial = {
          jobId: BigInt(log.topics[1] ?? 0),
          blockNumber: log.blockNumber,
          blockHash: log.blockHash as Hex,
          txHash: log.transactionHash as Hex,
          logIndex: log.index,
          dataHash: keccak256(log.data) as Hex
        }
        const { requestHash } = await iface.read('getJob', [partial.jobId])
        jobs.push({
          reference: { ...partial, key: jobKey(network, partial) },
          requestHash: requestHash as Hex
        })
      }
      return jobs
    },
    async finalisations(jobId) {
      const id = `0x${jobId.toString(16).padStart(64, '0')}`
      return (await logsOf([[topicOf('JobSucceeded'), topicOf('JobFailed')], id])).length
    },
    async stop() {
      client.destroy()
      await anvil.stop()
    }
  }
}

function topicOf(event: string): string {
  const found = oracleInterface.getEvent(event)
  if (found === null) throw new Error(`no event ${event}`)
  return found.topicHash
}
