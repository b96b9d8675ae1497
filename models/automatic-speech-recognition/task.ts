import { ModelCategory, type Task } from '../../src/interface/index.js'
import { type AudioValue, audioCodec } from '../tools/audio.js'
import { type TextValue, textCodec } from '../tools/codec.js'

/** A WAV file. */
export type SpeechRecognitionInput = AudioValue
/** What is said; empty where nothing is. */
export type SpeechRecognitionOutput = TextValue

/** Writes down what is said. */
export const task: Task<SpeechRecognitionInput, SpeechRecognitionOutput> = {
  name: 'automatic-speech-recognition',
  aliases: ['SpeechRecognition', 'speech-recognition'],
  category: ModelCategory.SpeechRecognition,
  contract: 'SpeechRecognition',
  input: audioCodec,
  output: textCodec({ name: 'text' })
}
