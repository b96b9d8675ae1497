import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ContractFactory, type InterfaceAbi, parseEther, type Signer } from 'ethers'
import { createModelRegistry, manifestLocation } from '../../models/index.js'
import { oracleAbi } from '../../src/chain/abi/index.js'
import { typedContract } from '../../src/chain/typed-contract.js'
import { type Address, ProcessError } from '../../src/interface/index.js'
import { packageRoot } from '../paths.js'

/** Where the contracts of a new network lie. */
export interface Deployment {
  oracle: Address
  registry: Address
  /** Model contract of each task, by the task's name. */
  models: Record<string, Address>
}

export interface DeployInit {
  /** In ether: what the worker gets for one inference. Default 0.001. */
  price?: string
  /** In ether: what the owner of the models gets. Default 0.0005. */
  modelPrice?: string
  /** From a job's creation to its deadline. Default: an hour, long enough to stop all nodes, have lunch, and start again. */
  jobTimeoutSeconds?: number
  /** Told of each contract before it is deployed. */
  onStep?(step: string): void
}

const defaultPrice = '0.001'
const defaultModelPrice = '0.0005'
const defaultJobTimeoutSeconds = 3_600
/** What the Oracle's owner can change later. */
const oracleLimits = {
  // Storing a text of 4,000 characters takes about 2.8 million.
  callbackGasLimit: 3_000_000,
  // 40 gas a byte (EIP-7623): within the 16.7 million that one transaction may use (EIP-7825).
  maxInputBytes: 256 * 1024,
  maxOutputBytes: 64 * 1024,
  maxReasonBytes: 512
}

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

  const repository = await createModelRegistry()
  const models: Record<string, Address> = {}
  for (const { manifest, cid } of repository.manifests()) {
    onStep(`Deploying the model ${manifest.name}`)
    const task = repository.task(manifest.task)
    const setup = {
      owner,
      oracleAdmin: owner,
      oracle,
      manifestLocation: manifestLocation(cid),
      upgradeable: true,
      modelPrice: parseEther(init.modelPrice ?? defaultModelPrice)
    }
    const model = await deploy(task.contract, deployer, [setup])
    const approval = await typedContract(oracle, oracleAbi, deployer).write('approveModelCode', [model, true])
    await approval.wait()
    models[task.name] ??= model
  }
  return { oracle, registry, models }
}

/** Deploys the ExampleClient, which asks the image-to-text model. */
export async function deployExampleClient(deployer: Signer, { models }: Deployment): Promise<Address> {
  const reader = models['image-to-text']
  if (reader === undefined) {
    throw new ProcessError('The repository holds no image-to-text model: restore models/image-to-text')
  }
  return deploy('ExampleClient', deployer, [reader])
}

async function deploy(name: string, deployer: Signer, args: unknown[]): Promise<Address> {
  const { abi, bytecode } = readArtifact(name)
  const contract = await new ContractFactory(abi, bytecode, deployer).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()) as Address
}

function readArtifact(name: string): { abi: InterfaceAbi; bytecode: string } {
  const path = join(packageRoot, 'contracts', 'build', `${name}.json`)
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { abi: InterfaceAbi; bytecode: string }
  } catch (err) {
    throw new ProcessError(`Cannot read the compiled contract ${path}: run \`npm run build\``, { cause: err })
  }
}
