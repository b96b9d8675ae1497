import { type Character, lineHeight } from './recognition.js'

/**
 * Where words part. The network was trained on Chinese lines and often leaves out a space that is plain to see,
 * so its own probability of a space is weighed with the width of the white gap in the picture.
 */

/** A run of columns without ink: from `start` to before `end`. */
export interface Gap {
  start: number
  end: number
}

/**
 * Fitted by logistic regression on 4,589 pairs of neighbouring characters, rendered in 7 fonts (DejaVu, Liberation and
 * Free; sans, serif and monospaced) at 14, 20 and 32 pixels; 13 pairs come out wrong.
 */
const gapWeight = 25.6
const probabilityWeight = 3.06
const bias = 0.43
/** Keeps the logarithm finite. */
const leastProbability = 1e-7

/** Each output step of the network stands for 8 columns of its input. */
const stepWidth = 8

/** The gaps between the first and the last ink of a line. `tensor`: shape [3, 48, rowWidth]. */
export function findGaps(tensor: Float32Array, rowWidth: number, usedWidth: number): Gap[] {
  const plane = rowWidth * lineHeight
  const brightness = new Float32Array(usedWidth * lineHeight)
  for (let y = 0; y < lineHeight; y++) {
    for (let x = 0; x < usedWidth; x++) {
      const index = y * rowWidth + x
      brightness[y * usedWidth + x] =
        ((tensor[index] ?? 0) + (tensor[plane + index] ?? 0) + (tensor[2 * plane + index] ?? 0)) / 3
    }
  }
  // Ink covers less than half of a line, so the median is the background, whatever its colour.
  const background = brightness.toSorted()[brightness.length >> 1] ?? 0
  const strongest = brightness.reduce((most, value) => Math.max(most, Math.abs(value - background)), 0)
  const gaps: Gap[] = []
  let start = -1
  for (let x = 0; x < usedWidth; x++) {
    if (hasInk(brightness, usedWidth, x, background, 0.3 * strongest)) {
      // What lies before the first ink is the margin.
      if (start >= 0 && x > start) {
        gaps.push({ start, end: x })
      }
      start = x + 1
    }
  }
  return gaps
}

function hasInk(
  brightness: Float32Array,
  width: number,
  x: number,
  background: number,
  threshold: number
): boolean {
  // The outermost 3 rows may show the feet of the next line.
  for (let y = 3; y < lineHeight - 3; y++) {
    if (Math.abs((brightness[y * width + x] ?? 0) - background) > threshold) {
      return true
    }
  }
  return false
}

/**
 * The line's text with its spaces. `spaceProbability(from, to)`: the network's highest probability of a space in its
 * output steps `from` to `to`.
 */
export function joinCharacters(
  characters: Character[],
  gaps: Gap[],
  spaceProbability: (from: number, to: number) => number
): string {
  const visible = characters.filter(character => character.text.trim() !== '')
  let text = ''
  visible.forEach((character, index) => {
    const before = visible[index - 1]
    if (before !== undefined) {
      const probability = spaceProbability(before.last, character.first)
      const gap = widestGap(gaps, middle(before), middle(character))
      const score =
        gapWeight * (gap / lineHeight) + probabilityWeight * Math.log10(probability + leastProbability) + bias
      const next = `${visible[index - 2]?.text ?? ''}${before.text}${character.text}`
      if (score > 0 && (probability > 0.5 || !mayTouch(before.text, character.text, next))) {
        text += ' '
      }
    }
    text += character.text
  })
  return plainPunctuation(text)
}

function middle(character: Character): number {
  return ((character.first + character.last + 1) / 2) * stepWidth
}

function widestGap(gaps: Gap[], from: number, to: number): number {
  let widest = 0
  for (const { start, end } of gaps) {
    const centre = (start + end) / 2
    if (centre > from && centre < to) {
      widest = Math.max(widest, end - start)
    }
  }
  return widest
}

/**
 * Han, kana and hangul are set without spaces; a closing sign follows its word, and a number stays whole across its
 * separators, wide as the font may set them.
 */
function mayTouch(before: string, after: string, lastThree: string): boolean {
  return (
    eastAsian.test(before) ||
    eastAsian.test(after) ||
    /^[.,:;!?)\]}]$/u.test(after) ||
    /^\d[.,:]\d$/u.test(lastThree)
  )
}

const eastAsian = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

/** The network writes `，` or `（` for a Latin `,` or `(` now and then: full-width signs stay only beside East Asian text. */
function plainPunctuation(text: string): string {
  return eastAsian.test(text)
    ? text
    : text.replace(/[\uff01-\uff5e]/gu, sign => String.fromCharCode(sign.charCodeAt(0) - 0xfee0))
}
