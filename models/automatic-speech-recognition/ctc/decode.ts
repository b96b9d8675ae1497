/** Of a `vocab.json`: what each number of the network's output stands for. */
export interface CtcVocabulary {
  /** By number. */
  tokens: readonly string[]
  /** The number of CTC's blank. */
  blank: number
}

/** Where words part, as wav2vec 2.0 writes it. */
const wordDelimiter = '|'
/** `<s>`, `</s>`, `<unk>`, `[UNK]` and their like say nothing. */
const special = /^(<.*>|\[.*\])$/u

/**
 * The most probable token of each step; repetitions count once unless a blank parts them, and blanks are dropped.
 * @param logits steps × tokens, step by step
 */
export function greedyText(logits: ArrayLike<number>, { tokens, blank }: CtcVocabulary): string {
  let text = ''
  let before = blank
  for (let start = 0; start + tokens.length <= logits.length; start += tokens.length) {
    const best = mostProbable(logits, start, tokens.length)
    const token = tokens[best] ?? ''
    if (best !== before && best !== blank && !special.test(token)) {
      text += token === wordDelimiter ? ' ' : token
    }
    before = best
  }
  return text.replace(/ +/gu, ' ').trim()
}

function mostProbable(logits: ArrayLike<number>, start: number, count: number): number {
  let best = 0
  for (let token = 1; token < count; token++) {
    if (
      (logits[start + token] ?? Number.NEGATIVE_INFINITY) > (logits[start + best] ?? Number.NEGATIVE_INFINITY)
    ) {
      best = token
    }
  }
  return best
}

/** Mean 0 and variance 1, as Wav2Vec2FeatureExtractor makes it. */
export function normalised(samples: Float32Array): Float32Array {
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length
  const variance = samples.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / samples.length
  const deviation = Math.sqrt(variance + 1e-7)
  return samples.map(value => (value - mean) / deviation)
}
