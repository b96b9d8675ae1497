import { createCipheriv, createHash } from 'node:crypto'
import { cosineOfTurn, naturalLogarithm, sineOfTurn } from './exact-math.js'

/**
 * Every random number of a run, from the client's seed bytes alone. The generator, so that anyone can repeat it:
 *
 * - key = SHA-256("buffalo/seed/1" ‖ seed): every bit of the seed counts, whatever its length.
 * - stream = ChaCha20 (RFC 8439) with that key, nonce zero, counter from zero. Numbers are taken from it in order.
 * - `uint32`: the next 4 bytes, little-endian.
 * - `uniform`: a = uint32 >> 5, b = uint32 >> 6, in this order; (a · 2^26 + b) / 2^53.
 * - `integer(n)`: uint32 values until one is below the greatest multiple of n that is at most 2^32; its remainder by n.
 * - `normal`: Box–Muller. u = 1 - uniform, then v = uniform; r = sqrt(-2 ln u); the first number is r · cos(2πv), and the
 *   next call gives r · sin(2πv).
 *
 * Logarithm, sine and cosine are our own (exact-math.ts): JavaScript leaves their last bits to the machine.
 */
export interface SeededRandom {
  bytes(count: number): Uint8Array
  /** 0 to 2^32 - 1. */
  uint32(): number
  /** In [0, 1), a multiple of 2^-53. */
  uniform(): number
  /** In [0, below), each equally likely. `below`: an integer from 1 to 2^32. Throws RangeError. */
  integer(below: number): number
  /** From the standard normal distribution. */
  normal(): number
  /** `count` numbers of `normal`, in order, each rounded to float32. */
  normals(count: number): Float32Array
}

const domain = 'buffalo/seed/1'
/** Of the stream at a time: a page. */
const chunkBytes = 4096
/** OpenSSL takes the counter and the nonce as one value. */
const counterAndNonceBytes = 16

export function seededRandom(seed: Uint8Array): SeededRandom {
  const key = createHash('sha256').update(domain).update(seed).digest()
  const cipher = createCipheriv('chacha20', key, new Uint8Array(counterAndNonceBytes))
  const zeros = new Uint8Array(chunkBytes)
  let chunk = new Uint8Array()
  let position = 0
  let spare: number | undefined

  const byte = (): number => {
    if (position === chunk.length) {
      chunk = cipher.update(zeros)
      position = 0
    }
    return chunk[position++] ?? 0
  }
  const uint32 = (): number => byte() + byte() * 2 ** 8 + byte() * 2 ** 16 + byte() * 2 ** 24
  const uniform = (): number => {
    const high = uint32() >>> 5
    return (high * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53
  }
  const normal = (): number => {
    if (spare !== undefined) {
      const kept = spare
      spare = undefined
      return kept
    }
    // 1 - uniform is never 0, so the logarithm is finite.
    const radius = Math.sqrt(-2 * naturalLogarithm(1 - uniform()))
    const turn = uniform()
    spare = radius * sineOfTurn(turn)
    return radius * cosineOfTurn(turn)
  }

  return {
    bytes: count => Uint8Array.from({ length: count }, byte),
    uint32,
    uniform,
    integer(below) {
      if (!Number.isInteger(below) || below < 1 || below > 2 ** 32) {
        throw new RangeError(`The bound ${below} must be an integer from 1 to 2^32`)
      }
      const limit = 2 ** 32 - (2 ** 32 % below)
      for (;;) {
        const value = uint32()
        if (value < limit) {
          return value % below
        }
      }
    },
    normal,
    normals: count => Float32Array.from({ length: count }, normal)
  }
}
