import { FailureCode, JobFailedError } from '../../../src/interface/index.js'
import { decodeAbi } from '../../tools/abi.js'

/** 0: empty. 1: player one. 2: player two, the model. By `x`, then by `y`. */
export type Board = number[][]

/** The marks on a board that is full or won. */
export const model = 2
const other = 1

/** Reads `uint256[size][size]`. Throws JobFailedError(InvalidInput) for what is no board. */
export function decodeBoard(bytes: Uint8Array, size: number): Board {
  const [rows] = decodeAbi([`uint256[${size}][${size}]`], bytes) as [Iterable<Iterable<bigint>>]
  const board = Array.from(rows, row => Array.from(row, Number))
  if (board.some(row => row.some(mark => mark > model))) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The board has a mark that is not 0, 1 or 2')
  }
  return board
}

/** Two planes, of 1 and 0: the other's marks, the model's. Shape [2, size, size]. */
export function observation(board: Board): Float32Array {
  const marks = board.flat()
  return Float32Array.from([other, model].flatMap(player => marks.map(mark => (mark === player ? 1 : 0))))
}

/** The place of the highest number whose field is empty, the first of equals. Throws JobFailedError(InvalidInput) if none is. */
export function bestFreeField(logits: ArrayLike<number>, board: Board): { x: number; y: number } {
  let best: { x: number; y: number; logit: number } | undefined
  for (const [x, row] of board.entries()) {
    for (const [y, mark] of row.entries()) {
      const logit = logits[x * row.length + y] ?? Number.NaN
      if (mark === 0 && !(best !== undefined && best.logit >= logit)) {
        best = { x, y, logit }
      }
    }
  }
  if (best === undefined) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The board has no empty field: the game is over')
  }
  return { x: best.x, y: best.y }
}
