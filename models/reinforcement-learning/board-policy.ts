import { z } from 'zod'
import { type Architecture, FailureCode, JobFailedError, ManifestError } from '../../src/interface/index.js'
import { floatOutput, openGraph, Tensor } from '../tools/onnx.js'
import { bestFreeField, decodeBoard, observation } from './board-policy/board.js'
import type { ReinforcementLearningInput, ReinforcementLearningOutput } from './task.js'

/**
 * A policy network for games in which a move is a mark on an empty field of a square board: tic-tac-toe and its like. It sees
 * the board as the game's contract tells it, and moves where it is surest; only fields that are taken are ruled out.
 *
 * File `policy`: `observation` [batch, 2, size, size] (the other's marks, the model's) to `logits` [batch, size²].
 */

const settingsSchema = z.strictObject({
  /** Fields a side. 8: the largest board that a contract answers in few words (2 KiB). */
  size: z.int().min(2).max(8),
  /** What the contract is asked: read by the task. */
  stateFunction: z.string().optional()
})

export const architecture: Architecture<ReinforcementLearningInput, ReinforcementLearningOutput> = {
  name: 'board-policy',

  async load(manifest, files) {
    const settings = settingsSchema.safeParse(manifest.settings)
    if (!settings.success) {
      throw new ManifestError(`Model ${manifest.name}: settings: ${z.prettifyError(settings.error)}`)
    }
    const { size } = settings.data
    const policy = await openGraph(files.path('policy'), manifest)
    return {
      // The network draws nothing at random, so the seed has no say: a player always gets the best answer.
      async run(_input, _seed, context) {
        const [read] = context?.reads ?? []
        if (read === undefined) {
          throw new JobFailedError(FailureCode.InvalidInput, 'The board of the game has not been read')
        }
        const board = decodeBoard(read, size)
        const outputs = await policy.run({
          observation: new Tensor('float32', observation(board), [1, 2, size, size])
        })
        const { data } = floatOutput(outputs, 'logits')
        if (data.length !== size * size) {
          throw new ManifestError(`Model ${manifest.name}: ${data.length} logits for ${size * size} fields`)
        }
        return bestFreeField(data, board)
      },
      close: () => policy.release()
    }
  }
}
