import { ContractFactory, parseEther, type Signer } from 'ethers'
import { createModelRegistry, type ModelRegistry, manifestLocation } from '../../models/index.js'
import { oracleAbi } from '../../src/chain/abi/index.js'
import { typedContract } from '../../src/chain/typed-contract.js'
import { type Address, DataLocation, type ManifestError, ProcessError } from '../../src/interface/index.js'
import { readArtifact } from '../artifacts.js'
import { oracleLimits } from './oracle-limits.js'

/** Where the contracts of a new network lie. */
export interface Deployment {
  oracle: Address
  registry: Address
  /** Model contract of each model, as `<task>/<model>`, and of each task's first model, as `<task>`. */
  models: Record<string, Address>
}

/** The contracts of contracts/examples. */
export interface Examples {
  /** The ExampleClient, which reads pictures. */
  client: Address
  /** The others, by name, where the repository holds a model for them. */
  examples: Record<string, Address>
}

export interface DeployInit {
  /** In ether: what the worker gets for one inference. Default 0.001. */
  price?: string
  /** In ether: what the owner of the models gets. Default 0.0005. */
  modelPrice?: string
  /** From a job's creation to its deadline. Default: an hour, long enough to stop all nodes, have lunch, and start again. */
  jobTimeoutSeconds?: number
  /** Sends the transactions for all models at once. Only for a signer that counts its transactions itself. */
  atOnce?: boolean
  /** Told of each contract before it is deployed. */
  onStep?(step: string): void
  /** Told of a manifest that breaks its schema, which is then left out. Without it such a manifest is thrown. */
  onFault?(err: ManifestError): void
}

const defaultPrice = '0.001'
const defaultModelPrice = '0.0005'
const defaultJobTimeoutSeconds = 3_600
/** The examples beside the ExampleClient, and the task whose model each asks. */
const exampleTasks = { TicTacToe: 'reinforcement-learning', EvolvingNFT: 'text-to-image' }

/** Deploys the contracts, and a model contract for each manifest of the repository. The deployer owns them. */
export async function deployContracts(deployer: Signer, init: DeployInit = {}): Promise<Deployment> {
  const { onStep = () => undefined } = init
  const owner = (await deployer.getAddress()) as Address
  onStep('Deploying the WorkerRegistry')
  const registry = await deploy('WorkerRegistry', deployer, [])
  onStep('Deploying the Oracle')
  const oracle = await deploy('Oracle', deployer, [
    owner,
    registry,
    {
      ...oracleLimits,
      price: parseEther(init.price ?? defaultPrice),
      jobTimeoutSeconds: init.jobTimeoutSeconds ?? defaultJobTimeoutSeconds
    }
  ])
  // A model that is being made must not keep a network from starting.
  const repository = await createModelRegistry({ onFault: init.onFault })
  const models = await deployModels(deployer, repository, { ...init, owner, oracle })
  return { oracle, registry, models }
}

async function deployModels(
  deployer: Signer,
  repository: ModelRegistry,
  {
    owner,
    oracle,
    modelPrice = defaultModelPrice,
    atOnce = false,
    onStep
  }: DeployInit & { owner: Address; oracle: Address }
): Promise<Record<string, Address>> {
  const deployed = await each(repository.manifests(), atOnce, async ({ manifest, cid }) => {
    onStep?.(`Deploying the model ${manifest.name}`)
    const { name, contract } = repository.task(manifest.task)
    const setup = {
      owner,
      oracleAdmin: owner,
      oracle,
      manifestLocation: manifestLocation(cid),
      upgradeable: true,
      modelPrice: parseEther(modelPrice)
    }
    const address = await deploy(contract, deployer, [setup, ...outputLocation(contract)])
    return { task: name, model: manifest.name, contract, address }
  })
  // The models of one contract have the same code, which is approved once.
  const codes = new Map(deployed.map(({ contract, address }) => [contract, address]))
  await each([...codes.values()], atOnce, async model => {
    const approval = await typedContract(oracle, oracleAbi, deployer).write('approveModelCode', [model, true])
    await approval.wait()
  })
  const models: Record<string, Address> = {}
  for (const { task, model, address } of deployed) {
    models[task] ??= address
    models[`${task}/${model}`] = address
  }
  return models
}

/** Deploys contracts/examples, each for the first model of its task. */
export async function deployExamples(deployer: Signer, { models }: Deployment): Promise<Examples> {
  const reader = models['image-to-text']
  if (reader === undefined) {
    throw new ProcessError('The repository holds no image-to-text model: restore models/image-to-text')
  }
  const wanted = Object.entries(exampleTasks).flatMap(([name, task]) => {
    const model = models[task]
    return model === undefined ? [] : [{ name, model }]
  })
  const [client, ...others] = await each([{ name: 'ExampleClient', model: reader }, ...wanted], true, item =>
    deploy(item.name, deployer, [item.model])
  )
  return {
    client: client as Address,
    examples: Object.fromEntries(wanted.map(({ name }, index) => [name, others[index] as Address]))
  }
}

/** Contracts of pictures are told where these go: to the workers' own IPFS. */
function outputLocation(contract: string): number[] {
  const constructor = readArtifact(contract).abi.find(({ type }) => type === 'constructor')
  return constructor?.inputs?.length === 2 ? [DataLocation.IPFS] : []
}

async function each<T, R>(items: T[], atOnce: boolean, work: (item: T) => Promise<R>): Promise<R[]> {
  if (atOnce) {
    return Promise.all(items.map(work))
  }
  const results: R[] = []
  for (const item of items) {
    results.push(await work(item))
  }
  return results
}

async function deploy(name: string, deployer: Signer, args: unknown[]): Promise<Address> {
  const { abi, bytecode } = readArtifact(name)
  const contract = await new ContractFactory(abi, bytecode, deployer).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()) as Address
}
