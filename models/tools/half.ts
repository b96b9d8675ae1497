/** IEEE 754 half precision. Node 22 has no Float16Array yet. */

const view = new DataView(new ArrayBuffer(4))

/** The number that 16 bits stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) {
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  }
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The bits of the half nearest to a number; of two equally near, the even one. */
export function toHalf(value: number): number {
  view.setFloat32(0, value)
  const sign = (view.getUint32(0) >>> 16) & 0x8000
  if (Number.isNaN(value)) {
    return 0x7e00
  }
  const size = Math.abs(value)
  // Half-way to what would be the next number after the greatest.
  if (size >= 65_520) {
    return sign | 0x7c00
  }
  if (size < 2 ** -14) {
    // Subnormal: a multiple of 2^-24. Rounded up to 1024 it is the least normal number, bits and all.
    return sign | roundToEven(size * 2 ** 24)
  }
  let exponent = Math.floor(Math.log2(size))
  // Math.log2 may miss by one at the edges.
  if (2 ** exponent > size) {
    exponent--
  } else if (2 ** (exponent + 1) <= size) {
    exponent++
  }
  // A fraction that rounds up to 2 carries into the exponent, bits and all.
  return sign | (((exponent + 15) << 10) + roundToEven((size / 2 ** exponent - 1) * 1024))
}

function roundToEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
