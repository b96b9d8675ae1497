/** `board[x][y]`: 0 empty, 1 player one, 2 the model. */
export type Board = number[][]
type Field = readonly [x: number, y: number]

const self = 1
const other = 2

const lines: Field[][] = [
  ...[0, 1, 2].map(x => [0, 1, 2].map((y): Field => [x, y])),
  ...[0, 1, 2].map(y => [0, 1, 2].map((x): Field => [x, y])),
  [0, 1, 2].map((i): Field => [i, i]),
  [0, 1, 2].map((i): Field => [i, 2 - i])
]

/**
 * Player one's move. An opening is random. Later it takes a win, stops one, sets two threats at once where it can, and is
 * random otherwise: a model that makes one mistake loses to it.
 */
export function chooseMove(board: Board, random: () => number, { isOpening }: { isOpening: boolean }): Field {
  const free = [0, 1, 2]
    .flatMap(x => [0, 1, 2].map((y): Field => [x, y]))
    .filter(field => at(board, field) === 0)
  const anyOf = (fields: Field[]): Field => fields[Math.floor(random() * fields.length)] ?? [0, 0]
  if (isOpening) {
    return anyOf(free)
  }
  const winning = free.filter(field => threats(board, field, self).wins > 0)
  const saving = free.filter(field => threats(board, field, other).wins > 0)
  const forking = free.filter(field => threats(board, field, self).next > 1)
  return anyOf([winning, saving, forking, free].find(fields => fields.length > 0) ?? free)
}

/** What a mark on the field would make: lines of three, and lines of two whose third field is free. */
function threats(board: Board, field: Field, mark: number): { wins: number; next: number } {
  const through = lines.filter(line => line.some(([x, y]) => x === field[0] && y === field[1]))
  const others = through.map(line =>
    line.filter(([x, y]) => x !== field[0] || y !== field[1]).map(place => at(board, place))
  )
  return {
    wins: others.filter(marks => marks.every(found => found === mark)).length,
    next: others.filter(marks => marks.includes(mark) && marks.includes(0)).length
  }
}

function at(board: Board, [x, y]: Field): number {
  return board[x]?.[y] ?? 0
}
