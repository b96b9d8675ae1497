import { ModelCategory, type Task } from '../../src/interface/index.js'
import { type TextValue, textCodec } from '../tools/codec.js'

/** The prompt; empty where the model shall begin by itself. */
export type TextGenerationInput = TextValue
/** The continuation, without the prompt. */
export type TextGenerationOutput = TextValue

/** Continues a text. */
export const task: Task<TextGenerationInput, TextGenerationOutput> = {
  name: 'text-generation',
  aliases: ['PromptConditionedTextGeneration', 'prompt-conditioned-text-generation'],
  category: ModelCategory.PromptConditionedTextGeneration,
  contract: 'PromptConditionedTextGeneration',
  input: textCodec({ name: 'prompt' }),
  output: textCodec({ name: 'text' })
}
