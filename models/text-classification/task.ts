import { ModelCategory, type Task } from '../../src/interface/index.js'
import { type TextValue, textCodec } from '../tools/codec.js'
import { type LabelsValue, labelsCodec } from '../tools/labels.js'

/** The text. */
export type TextClassificationInput = TextValue
/** The best label first. */
export type TextClassificationOutput = LabelsValue

/** Says which label fits a text. */
export const task: Task<TextClassificationInput, TextClassificationOutput> = {
  name: 'text-classification',
  aliases: ['TextClassification', 'sentiment-analysis'],
  category: ModelCategory.TextClassification,
  contract: 'TextClassification',
  input: textCodec({ name: 'text', minLength: 1 }),
  output: labelsCodec
}
