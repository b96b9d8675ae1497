import type { Provider } from 'ethers'
import { oracleAbi, ticTacToeAbi } from '../../src/chain/abi/index.js'
import { typedContract } from '../../src/chain/typed-contract.js'
import type { Address } from '../../src/interface/index.js'

/** A game of the TicTacToe contract as it stands. */
export interface GameView {
  game: bigint
  state: GameState
  /** `board[x][y]`: 0 empty, 1 player one, 2 the model. */
  board: number[][]
}

/** TicTacToe.State */
export const gameStates = [
  'none',
  'your turn',
  'the model’s turn',
  'you won',
  'the model won',
  'drawn'
] as const
export type GameState = (typeof gameStates)[number]

/** The game that a job of the TicTacToe contract asked about, and how it stands now. */
export async function readGame(
  contract: Address,
  oracle: Address,
  jobId: bigint,
  provider: Provider
): Promise<GameView> {
  // The callback's id is the game's.
  const { callbackId: game } = await typedContract(oracle, oracleAbi, provider).read('getJob', [jobId])
  const games = typedContract(contract, ticTacToeAbi, provider)
  const [{ state }, board] = await Promise.all([
    games.read('games', [game]),
    games.read('getGameBoard', [game])
  ])
  return { game, state: gameStates[state] ?? 'none', board: board.map(column => column.map(Number)) }
}

/** `X` for player one, `O` for the model; x to the right, y down. */
export function drawBoard(board: number[][]): string {
  const marks = ['.', 'X', 'O']
  return [0, 1, 2].map(y => [0, 1, 2].map(x => marks[board[x]?.[y] ?? 0]).join(' ')).join('\n')
}
