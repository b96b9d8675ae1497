import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { dataFolder } from '../../models/index.js'
import { readGame } from '../../node/client/game-board.js'
import { devProvider, devSigner } from '../../node/devnet/accounts.js'
import { playTicTacToe } from '../../node/testnet/demo/tic-tac-toe.js'
import { rlAgentAbi } from '../../src/chain/abi/index.js'
import { typedContract } from '../../src/chain/typed-contract.js'
import { type Address, FailureCode } from '../../src/interface/index.js'
import { createTestNetwork } from '../helpers/node-process.js'

describe('a game against the network', () => {
  it('behavior: the model reads the board of the calling contract, and does not lose', async () => {
    const { devnet, start, final } = await createTestNetwork()
    const { network } = devnet
    await start('sequencer', 'sequencer')
    const models = ['--models', join(dataFolder, 'reinforcement-learning')]
    await start('worker', 'worker', ['--account-index', '1', ...models])
    const provider = devProvider(network.rpc, network.chainId)
    onTestFinished(() => provider.destroy())
    const signer = devSigner(0, provider)
    const contract = network.examples?.TicTacToe as Address

    const report = await playTicTacToe({
      contract,
      oracle: network.oracle,
      games: 3,
      seed: 1,
      provider,
      signer,
      signal: new AbortController().signal,
      onJob: () => undefined
    })
    expect(report).toMatchObject({ played: 3, lost: 0 })
    expect(report.won + report.drawn).toBe(3)
    for (const id of report.jobIds) {
      expect(await final(id)).toMatchObject({ status: 'succeeded', result: { callbackSucceeded: true } })
    }
    const last = await readGame(contract, network.oracle, report.jobIds.at(-1) ?? 0n, provider)
    expect(['the model won', 'drawn']).toContain(last.state)

    // An account without code has no board: the job fails with a code, and the worker goes on.
    const agent = typedContract(network.models['reinforcement-learning'] as Address, rlAgentAbi, signer)
    const value = await agent.read('price', [])
    await (await agent.write('run', [1n, '0x00000000'], { value })).wait()
    const failed = await final((report.jobIds.at(-1) ?? 0n) + 1n)
    expect(failed).toMatchObject({
      status: 'failed',
      result: {
        failure: { code: FailureCode.InvalidInput, reason: expect.stringContaining('there is no contract') }
      }
    })
  })
})
