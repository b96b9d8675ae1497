import { ModelCategory, type Task } from '../../src/interface/index.js'
import { type ImageValue, imageCodec } from '../tools/codec.js'
import { type LabelsValue, labelsCodec } from '../tools/labels.js'

/** A PNG or JPEG file of at most 4 MiB and 16 megapixels. */
export type ImageClassificationInput = ImageValue
/** The best label first. */
export type ImageClassificationOutput = LabelsValue

/** Says what a picture shows. */
export const task: Task<ImageClassificationInput, ImageClassificationOutput> = {
  name: 'image-classification',
  aliases: ['ImageClassification'],
  category: ModelCategory.ImageClassification,
  contract: 'ImageClassification',
  input: imageCodec(),
  output: labelsCodec
}
