import { AbiCoder } from 'ethers'
import { beforeEach, describe, expect, test } from 'vitest'
import { evolvingNftAbi } from '../../../src/chain/abi/index.js'
import { type TypedContract, typedContract } from '../../../src/chain/typed-contract.js'
import { DataLocation, FailureCode, type Hex, OutputFormat } from '../../../src/interface/index.js'
import {
  deploy,
  event,
  events,
  type Fixture,
  failure,
  mined,
  modelSetup,
  price,
  revertOf,
  success,
  useFixture
} from './fixture.js'

let f: Fixture
/** As `user`, who collects. */
let nft: TypedContract<typeof evolvingNftAbi>
useFixture(fresh => {
  f = fresh
})
beforeEach(async () => {
  const setup = modelSetup({ owner: f.modelOwner, oracleAdmin: f.oracleAdmin, oracle: f.oracle.address })
  const model = await deploy(f.modelOwner, 'TextConditionalImageGeneration', [setup, DataLocation.IPFS])
  await mined(f.oracleAsOwner.write('approveModelCode', [model, true]))
  nft = typedContract(await deploy(f.user, 'EvolvingNFT', [model]), evolvingNftAbi, f.user)
})

const located = (location: string): Hex => AbiCoder.defaultAbiCoder().encode(['string'], [location]) as Hex
const mint = async (prompt = 'a cat', seed: Hex = '0x01') => {
  const receipt = await mined(nft.write('mint', [prompt, seed], { value: price }))
  return event(receipt, f.oracle, 'JobCreated')
}
const regenerate = async (prompt: string, seed: Hex) => {
  const receipt = await mined(nft.write('regenerate', [1n, prompt, seed], { value: price }))
  return event(receipt, f.oracle, 'JobCreated')
}
const answer = async (job: { jobId: bigint; requestHash: Hex }, data: Hex) =>
  mined(f.oracle.write('submitResults', [[success(job, data)]]))

describe('behavior: a token whose picture is generated', () => {
  test('behavior: mint asks for a picture with metadata, and the answer becomes the token’s URI', async () => {
    const receipt = await mined(nft.write('mint', ['a cat', '0x5eed'], { value: price }))
    const job = event(receipt, f.oracle, 'JobCreated')
    expect(job).toMatchObject({
      modelCategory: 0,
      seed: '0x5eed',
      input: located('a cat'),
      outputDataLocationType: DataLocation.IPFS,
      outputDataFormat: OutputFormat.NFTMeta
    })
    expect(await nft.read('ownerOf', [1n])).toBe(f.user.address)
    expect(await nft.read('tokenURI', [1n])).toBe('')

    const answered = await answer(job, located('ipfs://one'))
    expect(event(answered, f.oracle, 'CallbackCalled').success).toBe(true)
    expect(event(answered, nft, 'MetadataUpdate')._tokenId).toBe(1n)
    expect(event(answered, nft, 'PictureChanged')).toMatchObject({ tokenId: 1n, location: 'ipfs://one' })
    expect(await nft.read('tokenURI', [1n])).toBe('ipfs://one')
  })

  test('behavior: its owner, and nobody else, has it painted anew', async () => {
    await answer(await mint(), located('ipfs://one'))
    const stranger = typedContract(nft.address, evolvingNftAbi, f.stranger)
    const args = [1n, 'a dog', '0x02'] as const
    expect(await revertOf(stranger.write('regenerate', args, { value: price }))).toBe('NotTheOwner')
    const second = await regenerate('a dog', '0x02')
    expect(await nft.read('tokenURI', [1n])).toBe('ipfs://one')
    await answer(second, located('ipfs://two'))
    expect(await nft.read('tokenURI', [1n])).toBe('ipfs://two')

    await mined(nft.write('transferFrom', [f.user.address as Hex, f.stranger.address as Hex, 1n]))
    expect(await revertOf(nft.write('regenerate', args, { value: price }))).toBe('NotTheOwner')
    await mined(stranger.write('regenerate', args, { value: price }))
  })

  test('behavior: an answer that was overtaken does not bring an old picture back', async () => {
    const first = await mint()
    const second = await regenerate('a dog', '0x02')
    await answer(second, located('ipfs://two'))
    const late = await answer(first, located('ipfs://one'))
    expect(event(late, f.oracle, 'CallbackCalled').success).toBe(true)
    expect(await nft.read('tokenURI', [1n])).toBe('ipfs://two')
  })

  test('behavior: only the oracle of the request brings pictures, once', async () => {
    const job = await mint()
    for (const signer of [f.user, f.worker, f.modelOwner]) {
      const caller = typedContract(nft.address, evolvingNftAbi, signer)
      expect(await revertOf(caller.write('onPicture', [1n, located('ipfs://x')]))).toBe('NotTheOracle')
      expect(await revertOf(caller.write('onJobFailed', [1n, 1, 'no']))).toBe('NotTheOracle')
    }
    await answer(job, located('ipfs://one'))
    expect((await nft.read('requests', [1n])).answered).toBe(true)
  })

  test('behavior: a request that fails leaves the picture as it is, and pays back once', async () => {
    await answer(await mint(), located('ipfs://one'))
    const job = await regenerate('a dog', '0x02')
    expect(await revertOf(nft.write('claimRefund', [2n]))).toBe('NothingToRefund')
    const failed = await mined(
      f.oracle.write('submitResults', [[failure(job, FailureCode.ModelFailed, 'no')]])
    )
    expect(events(failed, nft, 'PictureFailed')).toMatchObject([{ requestId: 2n, tokenId: 1n, code: 6 }])
    expect(await nft.read('tokenURI', [1n])).toBe('ipfs://one')

    const before = await f.provider.getBalance(f.user.address)
    const stranger = typedContract(nft.address, evolvingNftAbi, f.stranger)
    await mined(stranger.write('claimRefund', [2n]))
    expect(await f.provider.getBalance(f.user.address)).toBe(before + price)
    expect(await revertOf(stranger.write('claimRefund', [2n]))).toBe('NothingToRefund')
    expect(await revertOf(stranger.write('claimRefund', [1n]))).toBe('NothingToRefund')
  })
})
