import type { Provider, Signer } from 'ethers'
import { modelAbi, oracleAbi, ticTacToeAbi } from '../../../src/chain/abi/index.js'
import { parseLog, typedContract } from '../../../src/chain/typed-contract.js'
import { type Address, JobStatus, ProcessError } from '../../../src/interface/index.js'
import { gameStates } from '../../client/game-board.js'
import { sleep } from '../../wait.js'
import { seededRandom } from '../chaos/random.js'
import { type Board, chooseMove } from './player.js'

export interface TicTacToeInit {
  /** The contract of contracts/examples/TicTacToe.sol. */
  contract: Address
  oracle: Address
  games: number
  /** The same seed plays the same openings. */
  seed: number
  provider: Provider
  /** Player one. */
  signer: Signer
  signal: AbortSignal
  /** Told of each job by which a move of the model is asked for. */
  onJob(jobId: bigint, game: number): void
}

/** How the games ended, for the model. */
export interface GamesReport {
  played: number
  won: number
  drawn: number
  lost: number
  /** The jobs by which the model was asked, in order. */
  jobIds: bigint[]
}

const pollIntervalMs = 200

/**
 * Plays whole games against the network, all at once: player one's first two moves are random, and then it plays as well as
 * it can see two moves ahead. A game in which the model fails to move is an error.
 */
export async function playTicTacToe(init: TicTacToeInit): Promise<GamesReport> {
  const { contract, provider, signer } = init
  const model = await typedContract(contract, ticTacToeAbi, provider).read('model', [])
  const value = await typedContract(model, modelAbi, provider).read('price', [])
  const games = typedContract(contract, ticTacToeAbi, signer)
  const jobIds: bigint[] = []

  /** Sends player one's move; the game's id. */
  async function move(game: bigint | undefined, x: number, y: number, number: number): Promise<bigint> {
    const field = [BigInt(x), BigInt(y)] as const
    const sent =
      game === undefined
        ? await games.write('start', field, { value })
        : await games.write('move', [game, ...field], { value })
    const logs = (await sent.wait())?.logs ?? []
    for (const log of logs) {
      const job =
        log.address.toLowerCase() === init.oracle.toLowerCase()
          ? parseLog(oracleAbi, 'JobCreated', log)
          : undefined
      if (job !== undefined) {
        jobIds.push(job.jobId)
        init.onJob(job.jobId, number)
      }
    }
    const moved = logs
      .filter(log => log.address.toLowerCase() === contract.toLowerCase())
      .map(log => parseLog(ticTacToeAbi, 'Moved', log))
      .find(args => args !== undefined)
    if (moved === undefined) {
      throw new ProcessError(`The transaction ${sent.hash} moved in no game`)
    }
    return moved.gameId
  }

  /** Waits for the model; the state that it leaves the game in. */
  async function afterModel(game: bigint): Promise<{ state: string; board: Board }> {
    for (;;) {
      const [{ state: stateNumber }, fields] = await Promise.all([
        games.read('games', [game]),
        games.read('getGameBoard', [game])
      ])
      const state = gameStates[stateNumber] ?? 'none'
      if (state !== 'the model’s turn') {
        return { state, board: fields.map(column => column.map(Number)) }
      }
      await failIfFinal(game)
      await sleep(pollIntervalMs, init.signal)
    }
  }

  /** A job that failed leaves the game waiting: nobody would end it. */
  async function failIfFinal(game: bigint): Promise<void> {
    const { jobId, oracle } = await games.read('games', [game])
    const [status] = await typedContract(oracle, oracleAbi, provider).read('jobStatuses', [[jobId]])
    if (status === JobStatus.Failed) {
      throw new ProcessError(`The model’s move in game ${game} failed: see job ${jobId}`)
    }
  }

  async function play(number: number): Promise<string> {
    const random = seededRandom(init.seed * 1_000 + number)
    let board: Board = [0, 1, 2].map(() => [0, 0, 0])
    let game: bigint | undefined
    for (let turn = 0; ; turn++) {
      const [x, y] = chooseMove(board, random, { isOpening: turn < 2 })
      game = await move(game, x, y, number)
      const after = await afterModel(game)
      if (after.state !== 'your turn') {
        return after.state
      }
      board = after.board
    }
  }

  const ends = await Promise.all(Array.from({ length: init.games }, (_, number) => play(number)))
  const count = (state: string): number => ends.filter(end => end === state).length
  return {
    played: ends.length,
    won: count('the model won'),
    drawn: count('drawn'),
    lost: count('you won'),
    jobIds: jobIds.toSorted((a, b) => (a < b ? -1 : 1))
  }
}
