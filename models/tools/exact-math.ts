/**
 * Functions that give the same bits on every machine: only additions, multiplications, divisions and square roots, which
 * IEEE 754 fixes, in a fixed order. Their error is a few units in the last place, far below what float32 shows.
 */

const view = new DataView(new ArrayBuffer(8))
/** The double nearest to ln 2. */
const ln2 = 0.6931471805599453
const sqrt2 = 1.4142135623730951
/** The double nearest to π/4. */
const quarterPi = 0.7853981633974483

/** ln x, for a normal x > 0. */
export function naturalLogarithm(x: number): number {
  view.setFloat64(0, x)
  let exponent = ((view.getUint32(0) >>> 20) & 0x7ff) - 1023
  let mantissa = x / 2 ** exponent
  if (mantissa > sqrt2) {
    mantissa /= 2
    exponent++
  }
  // ln m = 2 artanh s with s = (m - 1)/(m + 1), |s| < 0.172: eleven terms reach the last bit.
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let sum = 0
  for (let power = 21; power >= 1; power -= 2) {
    sum = sum * square + 1 / power
  }
  return 2 * s * sum + exponent * ln2
}

/** e^x, for |x| below 700; 0 below, Infinity above. */
export function exponential(x: number): number {
  if (Number.isNaN(x)) {
    return x
  }
  if (x < -700) {
    return 0
  }
  if (x > 700) {
    return Number.POSITIVE_INFINITY
  }
  const exponent = Math.round(x / ln2)
  const rest = x - exponent * ln2
  // |rest| is at most 0.347: the Taylor series is exact to the last bit after 15 terms.
  let sum = 1
  for (let term = 15; term >= 1; term--) {
    sum = 1 + (sum * rest) / term
  }
  return sum * 2 ** exponent
}

/** cos 2πt, for t in [0, 1). */
export function cosineOfTurn(turn: number): number {
  return sineOfTurn(turn + 0.25)
}

/** sin 2πt, for t in [0, 2). */
export function sineOfTurn(turn: number): number {
  // Eighths of a turn are exact, so the polynomials see only angles up to π/4.
  const eighths = (turn >= 1 ? turn - 1 : turn) * 8
  const octant = Math.floor(eighths)
  const part = eighths - octant
  switch (octant) {
    case 0:
      return smallSine(part)
    case 1:
      return smallCosine(1 - part)
    case 2:
      return smallCosine(part)
    case 3:
      return smallSine(1 - part)
    case 4:
      return -smallSine(part)
    case 5:
      return -smallCosine(1 - part)
    case 6:
      return -smallCosine(part)
    default:
      return -smallSine(1 - part)
  }
}

/** sin(part · π/4) by its Taylor series. */
function smallSine(part: number): number {
  const angle = part * quarterPi
  const square = angle * angle
  let sum = 1
  for (let term = 16; term >= 2; term -= 2) {
    sum = 1 - (sum * square) / (term * (term + 1))
  }
  return angle * sum
}

/** cos(part · π/4) by its Taylor series. */
function smallCosine(part: number): number {
  const angle = part * quarterPi
  const square = angle * angle
  let sum = 1
  for (let term = 16; term >= 2; term -= 2) {
    sum = 1 - (sum * square) / (term * (term - 1))
  }
  return sum
}
