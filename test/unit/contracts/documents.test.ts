import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AbiCoder, Contract, ContractFactory, type JsonRpcSigner, type Result } from 'ethers'
import { beforeAll, describe, expect, test } from 'vitest'
import { oracleLimits } from '../../../node/devnet/oracle-limits.js'
import { FailureCode, type Hex } from '../../../src/interface/index.js'
import {
  event,
  type Fixture,
  failure,
  mined,
  passTime,
  price,
  settings,
  success,
  useFixture
} from './fixture.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const require = createRequire(import.meta.url)

interface Built {
  abi: string
  bytecode: string
}

interface Compiler {
  compile(input: string, callbacks: { import(path: string): { contents: string } }): string
}

/** The contracts that a page prints, compiled as a reader's tool would, by name. */
function compilePage(path: string): Map<string, Built> {
  const blocks = readFileSync(join(root, path), 'utf8').matchAll(/```solidity\n([^]*?)```/gu)
  const sources = Object.fromEntries([...blocks].map(([, content], index) => [`${index}.sol`, { content }]))
  const { compile } = require('solc') as Compiler
  const input = {
    language: 'Solidity',
    sources,
    settings: {
      optimizer: { enabled: true },
      evmVersion: 'cancun',
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } }
    }
  }
  const read = (name: string): { contents: string } => {
    const [, own] = /^buffalo-node\/(.*)$/u.exec(name) ?? []
    return { contents: readFileSync(own === undefined ? require.resolve(name) : join(root, own), 'utf8') }
  }
  const output = JSON.parse(compile(JSON.stringify(input), { import: read })) as {
    errors?: { formattedMessage: string }[]
    contracts: Record<string, Record<string, { abi: unknown[]; evm: { bytecode: { object: string } } }>>
  }
  expect(output.errors?.map(({ formattedMessage }) => formattedMessage) ?? []).toEqual([])
  return new Map(
    Object.keys(sources)
      .flatMap(file => Object.entries(output.contracts[file] ?? {}))
      .map(([name, { abi, evm }]) => [name, { abi: JSON.stringify(abi), bytecode: evm.bytecode.object }])
  )
}

let f: Fixture
useFixture(fresh => {
  f = fresh
})

const encode = (text: string): Hex => AbiCoder.defaultAbiCoder().encode(['string'], [text]) as Hex
const picture = '0x89504e47'

/** Deploys a printed contract for the fixture's model, by `user`. */
async function deployed(built: Built | undefined): Promise<Contract> {
  if (built === undefined) throw new Error('the page prints no such contract')
  const factory = new ContractFactory(built.abi, built.bytecode, f.user)
  const contract = await factory.deploy(f.model.address)
  await contract.waitForDeployment()
  return new Contract(await contract.getAddress(), built.abi, f.user)
}

const as = (contract: Contract, signer: JsonRpcSigner): Contract => contract.connect(signer) as Contract

/** Sends a transaction that asks; the `JobCreated` of it. */
async function asking(contract: Contract, value = price) {
  const receipt = await mined(contract.getFunction('read').send(picture, { value }))
  return event(receipt, f.oracle, 'JobCreated')
}

describe('behavior: the contract that docs/contracts.md prints', () => {
  test('behavior: of an answer too long to be stored it keeps the hash, and believes the bytes', async () => {
    const { callbackGasLimit, maxOutputBytes } = oracleLimits
    await mined(f.oracleAsOwner.write('setSettings', [{ ...settings, callbackGasLimit, maxOutputBytes }]))
    const reader = await deployed(compilePage('docs/contracts.md').get('LongReader'))
    const job = await asking(reader)
    const text = 'long '.repeat(12_000)
    const receipt = await mined(f.oracle.write('submitResults', [[success(job, encode(text))]]))
    expect(event(receipt, f.oracle, 'CallbackCalled').success).toBe(true)

    const { output } = event(receipt, f.oracle, 'JobSucceeded')
    expect(await reader.getFunction('textOf').staticCall(1n, output)).toBe(text)
    await expect(reader.getFunction('textOf').staticCall(1n, encode('other'))).rejects.toThrow(
      'not the answer'
    )
  })
})

describe('behavior: the contract that README.md prints', () => {
  let built: Map<string, Built>
  let reader: Contract
  const question = (id: bigint): Promise<Result> => reader.getFunction('questions').staticCall(id)
  beforeAll(() => {
    built = compilePage('README.md')
  })

  test('behavior: each question has an id of its own, and the answer that the oracle brings', async () => {
    reader = await deployed(built.get('Reader'))
    await asking(reader)
    const second = await asking(as(reader, f.stranger))
    await mined(f.oracle.write('submitResults', [[success(second, encode('second'))]]))
    expect((await question(1n)).text).toBe('')
    expect((await question(2n)).toObject()).toMatchObject({
      asker: f.stranger.address,
      text: 'second',
      jobId: 2n
    })
    const callback = reader.getFunction('onText').send(1n, encode('forged'))
    await expect(callback).rejects.toThrow('not the oracle')
  })

  test('behavior: nobody pays too much, or from what the contract has', async () => {
    reader = await deployed(built.get('Reader'))
    for (const value of [0n, price - 1n, price + 1n, 2n * price]) {
      await expect(asking(reader, value)).rejects.toThrow('send model.price()')
    }
  })

  test('behavior: the payment of a failed job goes back to who asked, once, whoever asks for it', async () => {
    reader = await deployed(built.get('Reader'))
    const failed = await asking(reader)
    const other = await asking(as(reader, f.stranger))
    const answered = await asking(as(reader, f.stranger))
    const late = await asking(as(reader, f.stranger))
    const refund = as(reader, f.worker).getFunction('refund')
    await expect(refund.send(1n)).rejects.toThrow('nothing to refund')

    const results = [
      failure(failed, FailureCode.InvalidInput, 'no picture'),
      failure(other, FailureCode.InvalidInput, 'no picture'),
      success(answered, encode('text'))
    ]
    await mined(f.oracle.write('submitResults', [results]))
    // What anyone could do to move the credit to where no refund finds it.
    await expect(f.oracle.write('withdrawFor', [(await reader.getAddress()) as Hex])).rejects.toThrow()
    const before = await f.provider.getBalance(f.user.address)
    await mined(refund.send(1n))
    expect((await f.provider.getBalance(f.user.address)) - before).toBe(price)
    // The contract still has the credit of question 2.
    for (const id of [1n, 3n, 4n, 5n]) {
      await expect(refund.send(id), `question ${id}`).rejects.toThrow()
    }
    await mined(refund.send(2n))

    await passTime(f.provider, settings.jobTimeoutSeconds + 1)
    await mined(f.oracle.write('reclaim', [late.jobId]))
    const strangers = await f.provider.getBalance(f.stranger.address)
    await mined(refund.send(4n))
    expect((await f.provider.getBalance(f.stranger.address)) - strangers).toBe(price)
    expect(await f.oracle.read('creditOf', [(await reader.getAddress()) as Hex])).toBe(0n)
  })
})
