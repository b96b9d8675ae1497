import { getAddress, id, isAddress } from 'ethers'
import { z } from 'zod'
import { type Address, type Codec, type Hex, ModelCategory, type Task } from '../../src/interface/index.js'
import { decodeAbi, encodeAbi } from '../tools/abi.js'
import { checked, decodeJson, jsonContent } from '../tools/codec.js'

/** A game in a contract. */
export interface ReinforcementLearningInput {
  /** The contract that holds the game: the caller. */
  game: Address
  gameId: bigint
}

/** A move: column and row, from 0. */
export interface ReinforcementLearningOutput {
  x: number
  y: number
}

const maxUint256 = 2n ** 256n - 1n
const inputTypes = ['address', 'uint256']
const inputSchema = z.object({
  game: z.custom<Address>(value => isAddress(value), 'is no address'),
  gameId: z.bigint().min(0n).max(maxUint256)
})
/** In a file the id is decimal text: JSON's numbers end at 2^53. */
const contentSchema = z.strictObject({
  game: z.custom<Address>(value => isAddress(value), 'is no address').transform(normalised),
  gameId: z
    .string()
    .regex(/^\d{1,78}$/u, 'is no decimal number')
    .transform(BigInt)
    .refine(value => value <= maxUint256, 'is above 2^256')
})

function normalised(address: string): Address {
  return getAddress(address) as Address
}

const input: Codec<ReinforcementLearningInput> = {
  type: 'game',
  schema: inputSchema,
  abi: '(address game, uint256 gameId)',
  encode: ({ game, gameId }) => encodeAbi(inputTypes, [game, gameId]),
  decode(bytes) {
    const [game, gameId] = decodeAbi(inputTypes, bytes)
    return checked(inputSchema, { game, gameId }, 'The game')
  },
  fromContent: bytes => checked(contentSchema, decodeJson(bytes, 'The game'), 'The game'),
  toContent: ({ game, gameId }) => jsonContent({ game, gameId: gameId.toString() })
}

const coordinate = z.int().min(0)
const outputSchema = z.strictObject({ x: coordinate, y: coordinate })
const outputTypes = ['uint256', 'uint256']

const output: Codec<ReinforcementLearningOutput> = {
  type: 'game',
  schema: outputSchema,
  abi: '(uint256 x, uint256 y)',
  encode: ({ x, y }) => encodeAbi(outputTypes, [x, y]),
  decode(bytes) {
    const [x, y] = decodeAbi(outputTypes, bytes).map(Number)
    return checked(outputSchema, { x, y }, 'The move')
  },
  fromContent: bytes => checked(outputSchema, decodeJson(bytes, 'The move'), 'The move'),
  toContent: ({ x, y }) => jsonContent({ x, y })
}

/** What tells the state of a game, unless the manifest's setting `stateFunction` names another. */
export const defaultStateFunction = 'getGameBoard(uint256)'
const stateFunctionSchema = z
  .string()
  .regex(/^\w{1,100}\(uint256\)$/u)
  .default(defaultStateFunction)

/**
 * Plays a move in a game of the calling contract. The run is given one read: what the contract's
 * `getGameBoard(uint256 gameId)` answers.
 */
export const task: Task<ReinforcementLearningInput, ReinforcementLearningOutput> = {
  name: 'reinforcement-learning',
  aliases: ['RLAgent', 'rl-agent'],
  category: ModelCategory.RLAgent,
  contract: 'RLAgent',
  input,
  output,
  reads({ game, gameId }, { settings }) {
    const selector = id(checked(stateFunctionSchema, settings['stateFunction'], 'The setting stateFunction'))
    const argument = encodeAbi(['uint256'], [gameId]).slice(2)
    return [{ to: game, data: `${selector.slice(0, 10)}${argument}` as Hex }]
  }
}
