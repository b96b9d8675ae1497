import type { Provider, Signer } from 'ethers'
import { evolvingNftAbi, modelAbi, oracleAbi } from '../../../src/chain/abi/index.js'
import { parseLog, typedContract } from '../../../src/chain/typed-contract.js'
import { type Address, type Hex, JobStatus, ProcessError } from '../../../src/interface/index.js'
import type { ReadContent } from '../../client/content-reader.js'
import { maxOutputBytes, parseMetadata, type TokenMetadata } from '../../client/save-output.js'
import { sleep } from '../../wait.js'

export interface EvolvingNftInit {
  /** The contract of contracts/examples/EvolvingNFT.sol. */
  contract: Address
  oracle: Address
  /** What the token shows first, and what it evolves into. */
  prompts: readonly [string, string]
  /** The nodes that the token is read through: each alone, and no other. */
  via: { peerId: string; address: string }[]
  read: ReadContent
  provider: Provider
  /** Owner of the token. */
  signer: Signer
  signal: AbortSignal
  /** Told of each job by which a picture is asked for. */
  onJob(jobId: bigint, prompt: string): void
}

export interface NftReport {
  tokenId: string
  /** Of the first picture, and of the one that replaced it. */
  earlierTokenUri: string
  tokenUri: string
  /** The ERC-721 metadata as it was read. */
  metadata: TokenMetadata
  /** The bytes of the picture. */
  picture: Uint8Array
  /** The nodes that each gave metadata and picture, the same bytes. */
  via: string[]
}

const pollIntervalMs = 200
/** A name, a description and two links. */
const maxMetadataBytes = 64 * 1024

/** Mints a token, has its picture painted anew, and reads token URI, metadata and picture through each of the nodes. */
export async function evolveNft(init: EvolvingNftInit): Promise<NftReport> {
  const { contract, provider, signer, signal } = init
  const model = await typedContract(contract, evolvingNftAbi, provider).read('model', [])
  const value = await typedContract(model, modelAbi, provider).read('price', [])
  const nft = typedContract(contract, evolvingNftAbi, signer)

  /** The request of a transaction that asks for a picture. */
  async function requestOf(
    sent: ReturnType<typeof nft.write>,
    prompt: string
  ): Promise<{ requestId: bigint; tokenId: bigint }> {
    const receipt = await (await sent).wait()
    const requested = receipt?.logs
      .filter(log => log.address.toLowerCase() === contract.toLowerCase())
      .map(log => parseLog(evolvingNftAbi, 'PictureRequested', log))
      .find(args => args !== undefined)
    if (requested === undefined) {
      throw new ProcessError(`The transaction ${receipt?.hash} asked for no picture`)
    }
    init.onJob(requested.jobId, prompt)
    return requested
  }

  /** Waits until the token shows the picture of the request; its URI. */
  async function shown({ requestId, tokenId }: { requestId: bigint; tokenId: bigint }): Promise<string> {
    for (;;) {
      const [current, { jobId, oracle }] = await Promise.all([
        nft.read('shownRequest', [tokenId]),
        nft.read('requests', [requestId])
      ])
      if (current === requestId) {
        return nft.read('tokenURI', [tokenId])
      }
      const [status] = await typedContract(oracle, oracleAbi, provider).read('jobStatuses', [[jobId]])
      if (status === JobStatus.Failed) {
        throw new ProcessError(`The picture of token ${tokenId} failed: see job ${jobId}`)
      }
      await sleep(pollIntervalMs, signal)
    }
  }

  const [first, second] = init.prompts
  const minted = await requestOf(nft.write('mint', [first, seedOf(1)], { value }), first)
  const earlierTokenUri = await shown(minted)
  const { tokenId } = minted
  const evolved = await requestOf(nft.write('regenerate', [tokenId, second, seedOf(2)], { value }), second)
  const tokenUri = await shown(evolved)

  const seen = await Promise.all(
    init.via.map(async ({ address: via }) => {
      const bytes = await init.read(tokenUri, { maxBytes: maxMetadataBytes, signal, via })
      const metadata = parseMetadata(bytes, tokenUri)
      return { metadata, picture: await init.read(metadata.image, { maxBytes: maxOutputBytes, signal, via }) }
    })
  )
  const [one, ...others] = seen
  if (one === undefined || others.some(other => Buffer.compare(other.picture, one.picture) !== 0)) {
    throw new ProcessError(`The nodes do not give the same picture for ${tokenUri}`)
  }
  return {
    tokenId: tokenId.toString(),
    earlierTokenUri,
    tokenUri,
    ...one,
    via: init.via.map(({ peerId }) => peerId)
  }
}

/** 32 bytes, so that each run paints the same. */
function seedOf(number: number): Hex {
  return `0x${number.toString(16).padStart(64, '0')}`
}
