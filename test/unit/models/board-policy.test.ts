import path from 'node:path'
import { AbiCoder } from 'ethers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dataFolder, openModelFiles, readManifest } from '../../../models/index.js'
import {
  type Board,
  bestFreeField,
  decodeBoard,
  observation
} from '../../../models/reinforcement-learning/board-policy/board.js'
import { architecture } from '../../../models/reinforcement-learning/board-policy.js'
import { floatOutput, openGraph, Tensor } from '../../../models/tools/onnx.js'
import { FailureCode, type LoadedModel, type Manifest, ManifestError } from '../../../src/interface/index.js'

const document = await readManifest(
  path.join(dataFolder, 'reinforcement-learning', 'tic-tac-toe.manifest.json')
)
const files = await openModelFiles(document)

const [empty, player, model] = [0, 1, 2]
const other = (mark: number): number => 3 - mark
const lines = [
  [0, 1, 2],
  [3, 4, 5],
  [6, 7, 8],
  [0, 3, 6],
  [1, 4, 7],
  [2, 5, 8],
  [0, 4, 8],
  [2, 4, 6]
]

/** Nine marks: the field (x, y) at 3x + y. */
type Fields = readonly number[]
const boardOf = (fields: Fields): Board => [0, 3, 6].map(start => fields.slice(start, start + 3))
const freeOf = (fields: Fields): number[] => [...fields.keys()].filter(field => fields[field] === empty)
const marked = (fields: Fields, field: number, mark: number): Fields => fields.with(field, mark)
const winnerOf = (fields: Fields): number =>
  fields[
    lines.find(
      ([a = 0, b = 0, c = 0]) => fields[a] !== empty && fields[a] === fields[b] && fields[a] === fields[c]
    )?.[0] ?? -1
  ] ?? empty
const isOver = (fields: Fields): boolean => winnerOf(fields) !== empty || freeOf(fields).length === 0
const start: Fields = Array.from({ length: 9 }, () => empty)

/** Every position in which the model can be to move, whatever both sides have played. */
function reachable(): Map<string, Fields> {
  const found = new Map<string, Fields>()
  const seen = new Set<string>()
  const walk = (fields: Fields, toMove: number): void => {
    const key = `${fields.join('')}${toMove}`
    if (seen.has(key) || isOver(fields)) {
      return
    }
    seen.add(key)
    if (toMove === model) {
      found.set(fields.join(''), fields)
    }
    for (const field of freeOf(fields)) {
      walk(marked(fields, field, toMove), other(toMove))
    }
  }
  walk(start, player)
  walk(start, model)
  return found
}

describe('board-policy: tic-tac-toe', () => {
  const positions = reachable()
  const choices = new Map<string, number>()

  beforeAll(async () => {
    const graph = await openGraph(files.path('policy'), document.manifest)
    const boards = [...positions.values()].map(boardOf)
    const inputs = Float32Array.from(boards.flatMap(board => [...observation(board)]))
    const outputs = await graph.run({ observation: new Tensor('float32', inputs, [boards.length, 2, 3, 3]) })
    const logits = floatOutput(outputs, 'logits').data
    await graph.release()
    for (const [index, key] of [...positions.keys()].entries()) {
      const board = boards[index] ?? []
      const { x, y } = bestFreeField(logits.subarray(9 * index, 9 * index + 9), board)
      choices.set(key, 3 * x + y)
    }
  })

  /** How all games end in which the model plays as it chose: by the winner's mark, 0 for a draw. */
  function playAll(fields: Fields, toMove: number, ends: Map<number, number>): Map<number, number> {
    if (isOver(fields)) {
      const winner = winnerOf(fields)
      return ends.set(winner, (ends.get(winner) ?? 0) + 1)
    }
    const moves = toMove === model ? [choices.get(fields.join('')) ?? -1] : freeOf(fields)
    for (const field of moves) {
      expect(fields[field]).toBe(empty)
      playAll(marked(fields, field, toMove), other(toMove), ends)
    }
    return ends
  }

  test('never loses, in all games that player one can begin', () => {
    const ends = playAll(start, player, new Map())
    expect(ends.get(player)).toBeUndefined()
    expect(ends.get(model)).toBeGreaterThan(300)
  })

  test('never loses, in all games that it begins itself', () => {
    const ends = playAll(start, model, new Map())
    expect(ends.get(player)).toBeUndefined()
    expect(ends.get(model)).toBeGreaterThan(50)
  })

  test('saves from every position, however bad its own moves were, what can still be saved', () => {
    const values = new Map<string, number>()
    /** 1 if the model wins with best play of both, 0 for a draw, -1 if it loses. */
    const valueOf = (fields: Fields, toMove: number): number => {
      const key = `${fields.join('')}${toMove}`
      const known = values.get(key)
      if (known !== undefined) {
        return known
      }
      const after = freeOf(fields).map(field => () => valueOf(marked(fields, field, toMove), other(toMove)))
      const outcomes = isOver(fields) ? [] : after.map(value => value())
      const value = isOver(fields)
        ? ({ [empty]: 0, [player]: -1, [model]: 1 }[winnerOf(fields)] ?? 0)
        : Math[toMove === model ? 'max' : 'min'](...outcomes)
      values.set(key, value)
      return value
    }
    expect(positions.size).toBe(4520)
    for (const [key, fields] of positions) {
      expect(valueOf(marked(fields, choices.get(key) ?? -1, model), player)).toBe(valueOf(fields, model))
    }
  })
})

describe('board-policy: the architecture', () => {
  const game = { game: '0x00000000000000000000000000000000000000aa', gameId: 7n } as const
  const abi = (board: (number | bigint)[][]): Uint8Array =>
    Buffer.from(AbiCoder.defaultAbiCoder().encode(['uint256[3][3]'], [board]).slice(2), 'hex')
  let loaded: LoadedModel<unknown, unknown>

  beforeAll(async () => {
    loaded = await architecture.load(document.manifest, files)
  })
  afterAll(() => loaded.close())

  test('answers with the field that wins', async () => {
    const board = abi([
      [2, 1, 0],
      [1, 2, 0],
      [1, 0, 0]
    ])
    await expect(loaded.run(game, new Uint8Array(), { reads: [board] })).resolves.toEqual({ x: 2, y: 2 })
  })

  test.each([
    [
      'a full board',
      abi([
        [1, 2, 1],
        [1, 2, 1],
        [2, 1, 2]
      ])
    ],
    [
      'an unknown mark',
      abi([
        [0, 0, 0],
        [0, 3, 0],
        [0, 0, 0]
      ])
    ],
    [
      'a mark beyond all numbers',
      abi([
        [0, 0, 0],
        [0, 2n ** 256n - 1n, 0],
        [0, 0, 0]
      ])
    ],
    ['too few words', new Uint8Array(32 * 8)],
    ['nothing', new Uint8Array()]
  ])('refuses %s', async (_name, read) => {
    await expect(loaded.run(game, new Uint8Array(), { reads: [read] })).rejects.toMatchObject({
      failureCode: FailureCode.InvalidInput
    })
  })

  test('refuses to move on a board that was not read', async () => {
    await expect(loaded.run(game, new Uint8Array())).rejects.toMatchObject({
      failureCode: FailureCode.InvalidInput
    })
  })

  test('refuses settings that are not its own', async () => {
    const manifest: Manifest = { ...document.manifest, settings: { size: 3, depth: 4 } }
    await expect(architecture.load(manifest, files)).rejects.toThrow(ManifestError)
  })

  test('reads x before y, and shows the network the other side first', () => {
    const board = decodeBoard(
      abi([
        [1, 0, 0],
        [0, 0, 0],
        [0, 2, 0]
      ]),
      3
    )
    expect(board[2]?.[1]).toBe(model)
    const planes = observation(board)
    expect([planes.indexOf(1), planes.lastIndexOf(1)]).toEqual([0, 9 + 7])
    expect(bestFreeField([9, 1, 2, 3, 4, 5, 6, 8, 7], board)).toEqual({ x: 2, y: 2 })
  })
})
