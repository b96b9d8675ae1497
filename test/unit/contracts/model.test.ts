import { AbiCoder, getAddress } from 'ethers'
import { describe, expect, test } from 'vitest'
import {
  exampleClientAbi,
  fileModelAbi,
  imageToTextAbi,
  promptConditionedTextGenerationAbi,
  rlAgentAbi,
  textConditionalImageGenerationAbi,
  textImageJointEmbeddingAbi,
  textModelAbi,
  unconditionalImageGenerationAbi
} from '../../../src/chain/abi/index.js'
import { typedContract } from '../../../src/chain/typed-contract.js'
import { DataLocation, ModelCategory, OutputFormat } from '../../../src/interface/index.js'
import {
  artifact,
  ask,
  deploy,
  event,
  type Fixture,
  manifest,
  mined,
  modelPrice,
  modelSetup,
  oraclePrice,
  price,
  revertOf,
  settings,
  useFixture
} from './fixture.js'

let f: Fixture
useFixture(fresh => {
  f = fresh
})

const encode = (types: string[], values: unknown[]) => AbiCoder.defaultAbiCoder().encode(types, values)
const setupOf = () =>
  modelSetup({ owner: f.modelOwner, oracleAdmin: f.oracleAdmin, oracle: f.oracle.address })

describe('behavior: a model contract', () => {
  test('behavior: it registers itself when it is deployed', async () => {
    const logs = await f.provider.getLogs({ address: f.oracle.address, fromBlock: 0 })
    const receipt = await f.provider.getTransactionReceipt(logs.at(-2)?.transactionHash ?? '')
    if (receipt === null) throw new Error('no receipt')
    expect(event(receipt, f.oracle, 'ModelRegistered')).toEqual({
      model: f.model.address,
      owner: f.modelOwner.address,
      modelCategory: ModelCategory.ImageToText,
      manifestLocation: manifest,
      price: modelPrice
    })
    expect(await f.oracle.read('isRegistered', [f.model.address])).toBe(true)
    expect(await f.model.read('owner', [])).toBe(f.modelOwner.address)
    expect(await f.model.read('oracleAdmin', [])).toBe(f.oracleAdmin.address)
    expect(await f.model.read('oracle', [])).toBe(f.oracle.address)
    expect(await f.model.read('price', [])).toBe(oraclePrice + modelPrice)
  })

  test('behavior: its owner changes the price, nobody else', async () => {
    const receipt = await mined(f.model.write('setModelPrice', [7n]))
    expect(event(receipt, f.oracle, 'ModelUpdated')).toEqual({
      model: f.model.address,
      version: 1n,
      manifestLocation: manifest,
      price: 7n
    })
    expect(await f.model.read('price', [])).toBe(oraclePrice + 7n)
    const stranger = typedContract(f.model.address, imageToTextAbi, f.stranger)
    expect(await revertOf(stranger.write('setModelPrice', [0n]))).toBe('OwnableUnauthorizedAccount')
  })

  test('behavior: an upgradeable one keeps all versions of its manifest, and requests name the latest', async () => {
    const receipt = await mined(f.model.write('setManifestLocation', ['ipfs://two']))
    expect(event(receipt, f.oracle, 'ModelUpdated')).toMatchObject({
      version: 2n,
      manifestLocation: 'ipfs://two'
    })
    expect(await f.model.read('version', [])).toBe(2n)
    expect(await f.model.read('manifestLocation', [])).toBe('ipfs://two')
    expect(await f.model.read('manifestLocationOf', [1n])).toBe(manifest)
    expect(await revertOf(f.model.read('manifestLocationOf', [0n]))).toBe('UnknownVersion')
    expect(await revertOf(f.model.read('manifestLocationOf', [3n]))).toBe('UnknownVersion')
    expect((await ask(f)).modelConfigLocation).toBe('ipfs://two')
    const stranger = typedContract(f.model.address, imageToTextAbi, f.stranger)
    expect(await revertOf(stranger.write('setManifestLocation', ['x']))).toBe('OwnableUnauthorizedAccount')
    expect(await revertOf(f.model.write('setManifestLocation', ['x'.repeat(2049)]))).toBe('TooLarge')
  })

  test('behavior: one that is not upgradeable keeps its manifest', async () => {
    const address = await deploy(f.modelOwner, 'ImageToText', [{ ...setupOf(), upgradeable: false }])
    const model = typedContract(address, imageToTextAbi, f.modelOwner)
    expect(await model.read('upgradeable', [])).toBe(false)
    expect(await revertOf(model.write('setManifestLocation', ['ipfs://two']))).toBe('NotUpgradeable')
    expect(await model.read('manifestLocation', [])).toBe(manifest)
    await mined(model.write('setModelPrice', [7n]))
  })

  test('behavior: its oracle admin moves it to another oracle and back, nobody else', async () => {
    const admin = typedContract(f.model.address, imageToTextAbi, f.oracleAdmin)
    const other = await deploy(f.owner, 'Oracle', [f.owner.address, f.registry.address, settings])
    expect(await revertOf(f.model.write('setOracle', [other]))).toBe('NotOracleAdmin')
    await mined(f.model.write('setManifestLocation', ['ipfs://two']))
    const receipt = await mined(admin.write('setOracle', [other]))
    const registered = event(receipt, { address: other, abi: f.oracle.abi }, 'ModelRegistered')
    expect(registered).toMatchObject({ manifestLocation: 'ipfs://two', owner: f.modelOwner.address })
    expect(event(receipt, { address: other, abi: f.oracle.abi }, 'ModelUpdated').version).toBe(2n)
    expect(await f.model.read('oracle', [])).toBe(other)
    await mined(admin.write('setOracle', [f.oracle.address]))
    expect(await f.model.read('oracle', [])).toBe(f.oracle.address)

    expect(await revertOf(f.model.write('setOracleAdmin', [f.stranger.address as `0x${string}`]))).toBe(
      'NotOracleAdmin'
    )
    await mined(admin.write('setOracleAdmin', [f.stranger.address as `0x${string}`]))
    expect(await revertOf(admin.write('setOracle', [other]))).toBe('NotOracleAdmin')
  })

  test('behavior: too little payment is refused by the model', async () => {
    const model = typedContract(f.model.address, imageToTextAbi, f.user)
    const args = ['0x01', 1n, '0x00000000', '0x'] as const
    expect(await revertOf(model.write('run', args, { value: price - 1n }))).toBe('PaymentTooLow')
  })

  test('behavior: all models of one task have the same code, so one approval is enough', async () => {
    const setup = {
      ...setupOf(),
      owner: f.stranger.address,
      upgradeable: false,
      modelPrice: 0n,
      manifestLocation: 'ipfs://x'
    }
    const second = await deploy(f.stranger, 'ImageToText', [setup])
    expect(await f.provider.getCode(second)).toBe(artifact('ImageToText').deployedBytecode)
    const address = await deploy(f.user, 'ExampleClient', [second])
    const client = typedContract(address, exampleClientAbi, f.user)
    const receipt = await mined(client.write('ask', ['0x01', '0x'], { value: oraclePrice }))
    expect(event(receipt, f.oracle, 'JobCreated').model).toBe(second)
  })
})

describe('behavior: the tasks', () => {
  /** Deploys a model of the task, approves its code, and gives a typed contract of it to the user. */
  async function deployTask(name: string, more: unknown[] = []): Promise<`0x${string}`> {
    const address = await deploy(f.modelOwner, name, [setupOf(), ...more])
    await mined(f.oracleAsOwner.write('approveModelCode', [address, true]))
    return address
  }
  const created = async (sent: ReturnType<typeof f.model.write>) =>
    event(await mined(sent), f.oracle, 'JobCreated')
  const value = price
  const callback = '0x12345678'

  test('behavior: image-to-text, on chain and from a location', async () => {
    const model = typedContract(f.model.address, imageToTextAbi, f.user)
    expect(
      await created(model.write('run', ['0x89504e47', 3n, callback, '0x5eed'], { value }))
    ).toMatchObject({
      modelCategory: ModelCategory.ImageToText,
      callbackAddress: f.user.address,
      seed: '0x5eed',
      input: encode(['bytes'], ['0x89504e47']),
      inputDataLocationType: DataLocation.OnChain,
      outputDataLocationType: DataLocation.OnChain,
      outputDataFormat: OutputFormat.Raw
    })
    expect(await f.oracle.read('getJob', [1n])).toMatchObject({ callbackId: 3n, callbackFunction: callback })
    for (const [location, type] of [
      ['https://example.com/a.png', DataLocation.HTTPS],
      ['ipfs://bafy', DataLocation.IPFS],
      ['ar://abc', DataLocation.Arweave],
      ['{ job(id: "0x01") { seed } }', DataLocation.TheGraph]
    ] as const) {
      const job = await created(model.write('runFromLocation', [location, 3n, callback, '0x'], { value }))
      expect(job).toMatchObject({ input: encode(['string'], [location]), inputDataLocationType: type })
    }
    for (const location of [
      '',
      'http://example.com/a.png',
      'https://',
      'ipfs://',
      'HTTPS://x',
      'ar://',
      '{}'
    ]) {
      const sent = model.write('runFromLocation', [location, 3n, callback, '0x'], { value })
      expect(await revertOf(sent), location).toBe('UnsupportedLocation')
    }
  })

  test('behavior: text-conditional image generation', async () => {
    const address = await deployTask('TextConditionalImageGeneration', [DataLocation.Arweave])
    const model = typedContract(address, textConditionalImageGenerationAbi, f.user)
    const sent = model.write('run', ['a cat', 3n, callback, '0x5eed', OutputFormat.NFTMeta], { value })
    expect(await created(sent)).toMatchObject({
      modelCategory: ModelCategory.TextConditionalImageGeneration,
      input: encode(['string'], ['a cat']),
      inputDataLocationType: DataLocation.OnChain,
      outputDataLocationType: DataLocation.Arweave,
      outputDataFormat: OutputFormat.NFTMeta
    })
    const onChain = deploy(f.modelOwner, 'TextConditionalImageGeneration', [setupOf(), DataLocation.OnChain])
    expect(await revertOf(onChain)).toBe('OutputMustHaveLocation')
  })

  test('behavior: unconditional image generation', async () => {
    const address = await deployTask('UnconditionalImageGeneration', [DataLocation.IPFS])
    const model = typedContract(address, unconditionalImageGenerationAbi, f.user)
    expect(
      await created(model.write('run', [3n, callback, '0x5eed', OutputFormat.Raw], { value }))
    ).toMatchObject({
      modelCategory: ModelCategory.UnconditionalImageGeneration,
      input: '0x',
      seed: '0x5eed',
      outputDataLocationType: DataLocation.IPFS,
      outputDataFormat: OutputFormat.Raw
    })
  })

  test('behavior: prompt-conditioned text generation', async () => {
    const address = await deployTask('PromptConditionedTextGeneration')
    const model = typedContract(address, promptConditionedTextGenerationAbi, f.user)
    expect(await created(model.write('run', ['Once', 3n, callback, '0x5eed'], { value }))).toMatchObject({
      modelCategory: ModelCategory.PromptConditionedTextGeneration,
      input: encode(['string'], ['Once']),
      outputDataLocationType: DataLocation.OnChain
    })
  })

  test('behavior: reinforcement-learning agent: the input names the caller, and so does the seed', async () => {
    const address = await deployTask('RLAgent')
    const model = typedContract(address, rlAgentAbi, f.user)
    const job = await created(model.write('run', [42n, callback], { value }))
    expect(job).toMatchObject({
      modelCategory: ModelCategory.RLAgent,
      input: encode(['address', 'uint256'], [f.user.address, 42]),
      outputDataLocationType: DataLocation.OnChain
    })
    expect(getAddress(job.seed)).toBe(f.user.address)
    expect(await f.oracle.read('getJob', [1n])).toMatchObject({ callbackId: 42n, callbackFunction: callback })
  })

  test('behavior: text-image joint embedding', async () => {
    const address = await deployTask('TextImageJointEmbedding')
    const model = typedContract(address, textImageJointEmbeddingAbi, f.user)
    expect(
      await created(model.write('run', ['a cat', '0x8950', 3n, callback, '0x'], { value }))
    ).toMatchObject({
      modelCategory: ModelCategory.TextImageJointEmbedding,
      input: encode(['string', 'bytes'], ['a cat', '0x8950']),
      outputDataLocationType: DataLocation.OnChain
    })
    expect(await revertOf(model.write('run', ['', '0x', 3n, callback, '0x'], { value }))).toBe(
      'NothingToEmbed'
    )
  })

  test.each([
    ['TensorInference', ModelCategory.TensorInference, '{"inputs":[]}'],
    ['TextClassification', ModelCategory.TextClassification, 'good'],
    ['FeatureExtraction', ModelCategory.FeatureExtraction, 'good']
  ] as const)('behavior: %s, a text on chain and from a location', async (name, modelCategory, text) => {
    const model = typedContract(await deployTask(name), textModelAbi, f.user)
    expect(await created(model.write('run', [text, 3n, callback, '0x5eed'], { value }))).toMatchObject({
      modelCategory,
      callbackAddress: f.user.address,
      seed: '0x5eed',
      input: encode(['string'], [text]),
      inputDataLocationType: DataLocation.OnChain,
      outputDataLocationType: DataLocation.OnChain,
      outputDataFormat: OutputFormat.Raw
    })
    const located = model.write('runFromLocation', ['ipfs://bafy', 3n, callback, '0x'], { value })
    expect(await created(located)).toMatchObject({
      modelCategory,
      input: encode(['string'], ['ipfs://bafy']),
      inputDataLocationType: DataLocation.IPFS
    })
  })

  test.each([
    ['AudioClassification', ModelCategory.AudioClassification],
    ['ImageClassification', ModelCategory.ImageClassification],
    ['SpeechRecognition', ModelCategory.SpeechRecognition]
  ] as const)('behavior: %s, a file on chain and from a location', async (name, modelCategory) => {
    const model = typedContract(await deployTask(name), fileModelAbi, f.user)
    expect(await created(model.write('run', ['0x0102', 3n, callback, '0x5eed'], { value }))).toMatchObject({
      modelCategory,
      callbackAddress: f.user.address,
      seed: '0x5eed',
      input: encode(['bytes'], ['0x0102']),
      inputDataLocationType: DataLocation.OnChain,
      outputDataLocationType: DataLocation.OnChain,
      outputDataFormat: OutputFormat.Raw
    })
    const located = model.write('runFromLocation', ['https://a.b/c', 3n, callback, '0x'], { value })
    expect(await created(located)).toMatchObject({ modelCategory, inputDataLocationType: DataLocation.HTTPS })
  })

  test('behavior: the selectors are those of the original, so that its clients work unchanged', () => {
    const selectorOf = (name: string) =>
      artifact(name).abi.filter(entry => entry.type === 'function' && entry.name === 'run')
    const types = (name: string) =>
      selectorOf(name).map(entry => ('inputs' in entry ? entry.inputs.map(input => input.type).join() : ''))
    expect(types('TextConditionalImageGeneration')).toEqual(['string,uint256,bytes4,bytes,uint8'])
    expect(types('UnconditionalImageGeneration')).toEqual(['uint256,bytes4,bytes,uint8'])
    expect(types('PromptConditionedTextGeneration')).toEqual(['string,uint256,bytes4,bytes'])
    expect(types('RLAgent')).toEqual(['uint256,bytes4'])
    expect(types('ImageToText')).toEqual(['bytes,uint256,bytes4,bytes'])
  })
})
