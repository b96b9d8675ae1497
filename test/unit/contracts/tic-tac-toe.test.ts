import { AbiCoder, type JsonRpcSigner } from 'ethers'
import { beforeEach, describe, expect, test } from 'vitest'
import { ticTacToeAbi } from '../../../src/chain/abi/index.js'
import { type TypedContract, typedContract } from '../../../src/chain/typed-contract.js'
import { FailureCode, type Hex } from '../../../src/interface/index.js'
import {
  deploy,
  event,
  events,
  type Fixture,
  failure,
  mined,
  modelSetup,
  passTime,
  price,
  revertOf,
  settings,
  success,
  useFixture
} from './fixture.js'

const state = { PlayerToMove: 1, ModelToMove: 2, PlayerWon: 3, ModelWon: 4, Drawn: 5 }

let f: Fixture
/** As `user`, who plays. */
let game: TypedContract<typeof ticTacToeAbi>
useFixture(fresh => {
  f = fresh
})
beforeEach(async () => {
  const model = await deploy(f.modelOwner, 'RLAgent', [
    modelSetup({ owner: f.modelOwner, oracleAdmin: f.oracleAdmin, oracle: f.oracle.address })
  ])
  await mined(f.oracleAsOwner.write('approveModelCode', [model, true]))
  game = typedContract(await deploy(f.user, 'TicTacToe', [model]), ticTacToeAbi, f.user)
})

const asPlayer = (signer: JsonRpcSigner) => typedContract(game.address, ticTacToeAbi, signer)
const moveTo = (x: number, y: number): Hex =>
  AbiCoder.defaultAbiCoder().encode(['uint256', 'uint256'], [x, y]) as Hex
const stateOf = async (gameId: bigint) => (await game.read('games', [gameId])).state
const boardOf = async (gameId: bigint) =>
  (await game.read('getGameBoard', [gameId])).map(column => column.map(Number))

type Field = [x: number, y: number]
const start = async ([x, y]: Field) =>
  jobOf(await mined(game.write('start', [BigInt(x), BigInt(y)], { value: price })))
const play = async (gameId: bigint, [x, y]: Field) =>
  mined(game.write('move', [gameId, BigInt(x), BigInt(y)], { value: price }))
const jobOf = (receipt: Awaited<ReturnType<typeof mined>>) => event(receipt, f.oracle, 'JobCreated')
const answer = async (job: { jobId: bigint; requestHash: Hex }, data: Hex) =>
  mined(f.oracle.write('submitResults', [[success(job, data)]]))

/** Plays a whole game: the player's fields and the model's, in turn. */
async function playAll(player: Field[], model: Field[]): Promise<bigint> {
  const gameId = (await game.read('gameCount', [])) + 1n
  for (const [index, field] of player.entries()) {
    const receipt = index === 0 ? undefined : await play(gameId, field)
    const job = receipt === undefined ? await start(field) : events(receipt, f.oracle, 'JobCreated')[0]
    const reply = model[index]
    if (reply === undefined || job === undefined) return gameId
    await answer(job, moveTo(...reply))
  }
  return gameId
}

describe('behavior: tic-tac-toe against a model', () => {
  test('behavior: the player’s move asks the model, which reads the board from the contract', async () => {
    const receipt = await mined(game.write('start', [2n, 0n], { value: price }))
    expect(event(receipt, game, 'GameStarted')).toEqual({ gameId: 1n, player: f.user.address })
    expect(event(receipt, game, 'Moved')).toEqual({ gameId: 1n, mark: 1, x: 2n, y: 0n })
    const job = jobOf(receipt)
    expect(job).toMatchObject({
      modelCategory: 3,
      callbackAddress: game.address,
      input: AbiCoder.defaultAbiCoder().encode(['address', 'uint256'], [game.address, 1])
    })
    expect(await boardOf(1n)).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [1, 0, 0]
    ])
    expect(await stateOf(1n)).toBe(state.ModelToMove)

    const answered = await answer(job, moveTo(1, 2))
    expect(event(answered, f.oracle, 'CallbackCalled').success).toBe(true)
    expect(event(answered, game, 'Moved')).toEqual({ gameId: 1n, mark: 2, x: 1n, y: 2n })
    expect(await boardOf(1n)).toEqual([
      [0, 0, 0],
      [0, 0, 2],
      [1, 0, 0]
    ])
    expect(await stateOf(1n)).toBe(state.PlayerToMove)
  })

  test('behavior: a line of three ends the game, for either side, and nine marks without one draw it', async () => {
    const lines: Field[][] = [
      [
        [0, 0],
        [0, 1],
        [0, 2]
      ],
      [
        [0, 1],
        [1, 1],
        [2, 1]
      ],
      [
        [0, 0],
        [1, 1],
        [2, 2]
      ],
      [
        [0, 2],
        [1, 1],
        [2, 0]
      ]
    ]
    const fields: Field[] = [0, 1, 2].flatMap(x => [0, 1, 2].map((y): Field => [x, y]))
    for (const line of lines) {
      const others = fields.filter(field => !line.some(taken => taken.join() === field.join()))
      // The model has two marks by then, which make no line.
      const won = await playAll(line, others.slice(0, 2))
      expect([line, await stateOf(won)]).toEqual([line, state.PlayerWon])
    }
    const lost = await playAll(
      [
        [0, 0],
        [0, 1],
        [2, 2]
      ],
      [
        [1, 0],
        [1, 1],
        [1, 2]
      ]
    )
    expect(await stateOf(lost)).toBe(state.ModelWon)
    const drawn = await playAll(
      [
        [1, 1],
        [0, 1],
        [2, 0],
        [1, 0],
        [2, 2]
      ],
      [
        [0, 0],
        [2, 1],
        [0, 2],
        [1, 2]
      ]
    )
    expect(await stateOf(drawn)).toBe(state.Drawn)
    expect(await revertOf(play(drawn, [0, 0]))).toBe('NotYourTurn')
  })

  test('behavior: a last move needs no model: its payment comes back', async () => {
    const gameId = await playAll(
      [
        [0, 0],
        [0, 1]
      ],
      [
        [1, 1],
        [2, 2]
      ]
    )
    const before = await f.provider.getBalance(f.user.address)
    const receipt = await play(gameId, [0, 2])
    expect(events(receipt, f.oracle, 'JobCreated')).toEqual([])
    expect(event(receipt, game, 'GameEnded')).toEqual({ gameId, state: state.PlayerWon })
    expect(await f.provider.getBalance(f.user.address)).toBe(before - receipt.fee)
    expect(await f.provider.getBalance(game.address)).toBe(0n)
  })

  test('behavior: who may move, when, and where', async () => {
    expect(await revertOf(game.write('start', [3n, 0n], { value: price }))).toBe('FieldNotFree')
    expect(await revertOf(game.write('start', [0n, 2n ** 255n], { value: price }))).toBe('FieldNotFree')
    expect(await revertOf(game.write('start', [0n, 0n], { value: price - 1n }))).toBe('PaymentTooLow')
    const job = await start([0, 0])
    expect(await revertOf(play(1n, [0, 1]))).toBe('NotYourTurn')
    await answer(job, moveTo(1, 1))
    const move = [1n, 0n, 1n] as const
    expect(await revertOf(asPlayer(f.stranger).write('move', move, { value: price }))).toBe('NotYourGame')
    expect(await revertOf(game.write('move', [2n, 0n, 1n], { value: price }))).toBe('NotYourGame')
    for (const taken of [
      [0, 0],
      [1, 1]
    ] satisfies Field[]) {
      expect(await revertOf(play(1n, taken))).toBe('FieldNotFree')
    }
  })

  test('behavior: only the oracle of the request moves for the model', async () => {
    await start([0, 0])
    for (const signer of [f.user, f.worker, f.modelOwner]) {
      expect(await revertOf(asPlayer(signer).write('onMove', [1n, moveTo(1, 1)]))).toBe('NotTheOracle')
      expect(await revertOf(asPlayer(signer).write('onJobFailed', [1n, 6, 'no']))).toBe('NotTheOracle')
    }
  })

  test.each([
    ['on a taken field', moveTo(0, 0)],
    ['off the board', moveTo(0, 3)],
    [
      'far off the board',
      AbiCoder.defaultAbiCoder().encode(['uint256', 'uint256'], [2n ** 256n - 1n, 0]) as Hex
    ],
    ['that is no move', '0x1234' as Hex],
    ['of nothing', '0x' as Hex],
    ['too long', `0x${'00'.repeat(2_000)}` as Hex]
  ])('behavior: a move of the model %s loses it the game', async (_, data) => {
    const receipt = await answer(await start([0, 0]), data)
    expect(event(receipt, f.oracle, 'CallbackCalled').success).toBe(true)
    expect(event(receipt, game, 'ModelMovedWrongly').data).toBe(data.slice(0, 2 + 128))
    expect(event(receipt, game, 'GameEnded')).toEqual({ gameId: 1n, state: state.PlayerWon })
    expect(await revertOf(play(1n, [1, 1]))).toBe('NotYourTurn')
  })

  test('behavior: a move that fails is asked for again, and its payment comes back once', async () => {
    const job = await start([0, 0])
    expect(await revertOf(game.write('askAgain', [1n], { value: price }))).toBe('JobStillOpen')
    expect(await revertOf(game.write('claimRefund', [f.oracle.address, job.jobId]))).toBe('NothingToRefund')

    const failed = [failure(job, FailureCode.ModelFailed, 'no')]
    const receipt = await mined(f.oracle.write('submitResults', [failed]))
    expect(event(receipt, game, 'ModelFailed')).toMatchObject({ gameId: 1n, code: 6, reason: 'no' })
    expect(await stateOf(1n)).toBe(state.ModelToMove)
    expect(await revertOf(asPlayer(f.stranger).write('askAgain', [1n], { value: price }))).toBe('NotYourGame')
    const again = jobOf(await mined(game.write('askAgain', [1n], { value: price })))

    const before = await f.provider.getBalance(f.user.address)
    await mined(asPlayer(f.stranger).write('claimRefund', [f.oracle.address, job.jobId]))
    expect(await f.provider.getBalance(f.user.address)).toBe(before + price)
    expect(await revertOf(game.write('claimRefund', [f.oracle.address, job.jobId]))).toBe('NothingToRefund')
    expect(await revertOf(game.write('claimRefund', [f.user.address as Hex, job.jobId]))).toBe(
      'NothingToRefund'
    )

    await answer(again, moveTo(1, 1))
    expect(await stateOf(1n)).toBe(state.PlayerToMove)
    expect(await revertOf(game.write('askAgain', [1n], { value: price }))).toBe('NotYourTurn')
  })

  test('behavior: a move that is late is refused; after `reclaim` the game goes on', async () => {
    const job = await start([0, 0])
    await passTime(f.provider, settings.jobTimeoutSeconds + 1)
    const late = await answer(job, moveTo(1, 1))
    expect(events(late, game, 'Moved')).toEqual([])
    await mined(f.oracle.write('reclaim', [job.jobId]))
    expect(await stateOf(1n)).toBe(state.ModelToMove)
    const again = jobOf(await mined(game.write('askAgain', [1n], { value: price })))
    await answer(again, moveTo(1, 1))
    expect(await boardOf(1n)).toEqual([
      [1, 0, 0],
      [0, 2, 0],
      [0, 0, 0]
    ])
  })
})
