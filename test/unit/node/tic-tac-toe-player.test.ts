import { describe, expect, it } from 'vitest'
import { type Board, chooseMove } from '../../../node/testnet/demo/player.js'

/** Columns from left to right, as `board[x][y]`, from rows of `X`, `O` and `.`. */
function boardOf(...rows: [string, string, string]): Board {
  return [0, 1, 2].map(x => rows.map(row => ['.', 'X', 'O'].indexOf(row[x] ?? '.')))
}
const move = (board: Board, random = () => 0) => chooseMove(board, random, { isOpening: false })

describe('player one of the demonstration', () => {
  it('behavior: it takes a win before it stops one', () => {
    expect(move(boardOf('XX.', 'OO.', '...'))).toEqual([2, 0])
    expect(move(boardOf('O.X', 'O.X', '...'))).toEqual([2, 2])
    expect(move(boardOf('X.O', 'O..', '..X'))).toEqual([1, 1])
  })

  it('behavior: it stops a line of the model', () => {
    expect(move(boardOf('O..', '.O.', 'X..'))).toEqual([2, 2])
    expect(move(boardOf('X..', 'OO.', '...'))).toEqual([2, 1])
  })

  it('behavior: it sets two threats at once where it can', () => {
    expect(move(boardOf('X..', '.O.', '..X'), () => 0.99)).toEqual([2, 0])
  })

  it('behavior: an opening is any free field', () => {
    const board = boardOf('XO.', '...', '...')
    const chosen = new Set(
      Array.from({ length: 7 }, (_, i) => chooseMove(board, () => i / 7, { isOpening: true }).join())
    )
    expect(chosen.size).toBe(7)
    expect(chosen).not.toContain('0,0')
    expect(chosen).not.toContain('1,0')
  })
})
