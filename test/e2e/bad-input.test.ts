import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AbiCoder, ContractFactory, type InterfaceAbi } from 'ethers'
import sharp from 'sharp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createModelRegistry, manifestLocation } from '../../models/index.js'
import { devProvider, devSigner } from '../../node/devnet/accounts.js'
import { startFaultProxy } from '../../node/testnet/chaos/fault-proxy.js'
import { oracleAbi } from '../../src/chain/abi/index.js'
import { parseLog } from '../../src/chain/typed-contract.js'
import {
  DataLocation,
  FailureCode,
  type Hex,
  ModelCategory,
  OutputFormat
} from '../../src/interface/index.js'
import { createTestNetwork, type TestNetwork } from '../helpers/node-process.js'
import { root } from '../unit/project/source-files.js'

const picture = readFileSync(join(root, 'node/testnet/samples/hello.png'))
const encodedPicture = AbiCoder.defaultAbiCoder().encode(['bytes'], [picture]) as Hex

interface RawRequest {
  category?: number
  manifest?: string
  input?: Hex
}

/** A model contract that asks for anything, as no task contract would. It is its own client. */
async function rawModel(network: TestNetwork): Promise<(request: RawRequest) => Promise<bigint>> {
  const provider = devProvider(network.devnet.network.rpc, network.devnet.network.chainId)
  onTestFinished(() => provider.destroy())
  const artifact = JSON.parse(readFileSync(join(root, 'contracts/build/RogueModel.json'), 'utf8')) as {
    abi: InterfaceAbi
    bytecode: string
  }
  // An account of its own: the client's nonces are counted by the test network.
  const signer = devSigner(15, provider)
  const contract = await new ContractFactory(artifact.abi, artifact.bytecode, signer).deploy(
    network.devnet.network.oracle
  )
  await contract.waitForDeployment()
  await (await contract.getFunction('register')()).wait()
  const known = (await createModelRegistry())
    .manifests()
    .find(({ manifest }) => manifest.task === 'image-to-text')
  if (known === undefined) throw new Error('no manifest')
  return async ({
    category = ModelCategory.ImageToText,
    manifest = manifestLocation(known.cid),
    input = encodedPicture
  }) => {
    const request = {
      modelCategory: category,
      seed: '0x01',
      modelConfigLocation: manifest,
      inputDataLocationType: DataLocation.OnChain,
      input,
      outputDataLocationType: DataLocation.OnChain,
      outputDataFormat: OutputFormat.Raw,
      callbackAddress: await contract.getAddress(),
      callbackId: 1n,
      callbackFunction: '0x00000000'
    }
    const sent = await contract.getFunction('start')(request, { value: 10n ** 16n })
    const receipt = await sent.wait()
    const created = receipt.logs.map((log: { topics: string[]; data: string }) =>
      parseLog(oracleAbi, 'JobCreated', log)
    )[0]
    return created.jobId
  }
}

describe('bad input', () => {
  it('behavior: it fails on chain with a code and a reason, the client is told, and the worker goes on', async () => {
    const network = await createTestNetwork()
    await network.start('sequencer', 'sequencer')
    const worker = await network.start('worker', 'worker')
    const raw = await rawModel(network)

    const tooManyPixels = await sharp({
      create: { width: 5_000, height: 5_000, channels: 3, background: 'white' }
    })
      .png()
      .toBuffer()
    const asked: [string, number, Awaited<ReturnType<TestNetwork['ask']>>][] = [
      ['no picture at all', FailureCode.InvalidInput, await network.ask(Buffer.from('not a picture'))],
      ['a picture cut short', FailureCode.InvalidInput, await network.ask(picture.subarray(0, 200))],
      ['too many pixels', FailureCode.InputTooLarge, await network.ask(tooManyPixels)],
      [
        "a location in the worker's own network",
        FailureCode.InvalidInput,
        await network.askFromLocation('https://10.0.0.1:9/a.png')
      ]
    ]
    for (const [what, code, { jobId, callbackId }] of asked) {
      const job = await network.final(jobId)
      expect([what, job]).toMatchObject([what, { status: 'failed', result: { failure: { code } } }])
      expect(job.result?.failure?.reason.length).toBeGreaterThan(10)
      // The client was told the same.
      const stored = await network.stored(callbackId)
      expect([what, stored]).toMatchObject([
        what,
        { answered: true, failureCode: code, failureReason: job.result?.failure?.reason }
      ])
    }

    const wrong: [string, number, RawRequest][] = [
      ['not the ABI encoding', FailureCode.InvalidInput, { input: '0x1234' }],
      [
        'an encoding that lies about its length',
        FailureCode.InvalidInput,
        { input: `${encodedPicture.slice(0, 130)}${'f'.repeat(64)}` as Hex }
      ],
      [
        'a model that nobody has',
        FailureCode.UnknownModel,
        { manifest: 'ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy' }
      ],
      ['a location that names no manifest', FailureCode.UnknownModel, { manifest: 'nonsense' }],
      ['a model of another task', FailureCode.UnknownTask, { category: ModelCategory.TextClassification }]
    ]
    for (const [what, code, request] of wrong) {
      const job = await network.final(await raw(request))
      expect([what, job]).toMatchObject([what, { status: 'failed', result: { failure: { code } } }])
    }

    const good = await network.ask(picture)
    expect(await network.final(good.jobId)).toMatchObject({ status: 'succeeded' })
    expect(worker.process.isRunning()).toBe(true)
    const started = worker.events.flatMap(event => (event.type === 'execution:started' ? event.jobId : []))
    expect(started.length).toBe(new Set(started).size)
  })
})

describe('outages', () => {
  it('behavior: nodes say once that chain or subgraph is down, and go on by themselves', async () => {
    const network = await createTestNetwork()
    const rpc = await startFaultProxy(network.devnet.network.rpc)
    const subgraph = await startFaultProxy(network.devnet.network.subgraph)
    onTestFinished(() => Promise.all([rpc.stop(), subgraph.stop()]).then(() => undefined))
    const sequencer = await network.start('sequencer', 'sequencer', ['--subgraph-url', subgraph.url])
    const worker = await network.start('worker', 'worker', ['--rpc-url', rpc.url])
    expect(await network.final((await network.ask(picture)).jobId)).toMatchObject({ status: 'succeeded' })

    const warnings = (node: typeof worker): string[] =>
      node.process.log().filter(line => line.includes('"level":"warn"') || line.includes('"level":40'))
    for (const fault of ['cut', { status: 429, body: 'slow down' }, { status: 503, body: '' }] as const) {
      const before = [warnings(sequencer).length, warnings(worker).length] as const
      subgraph.setMode(fault)
      rpc.setMode(fault)
      const asked = await network.ask(picture)
      const [rpcBefore, subgraphBefore] = [rpc.requests(), subgraph.requests()]
      // Both have met the fault several times.
      await expect.poll(() => subgraph.requests() - subgraphBefore, { timeout: 20_000 }).toBeGreaterThan(3)
      // Those that follow within a minute are told of only if they last.
      const told = warnings(sequencer).length - before[0]
      if (fault === 'cut') expect(told).toBe(1)
      else expect(told).toBeLessThanOrEqual(1)
      subgraph.setMode('pass')
      await expect.poll(() => rpc.requests() - rpcBefore, { timeout: 20_000 }).toBeGreaterThan(3)
      expect(warnings(worker).length - before[1]).toBe(1)
      rpc.setMode('pass')
      expect(await network.final(asked.jobId)).toMatchObject({ status: 'succeeded' })
    }
  })
})
