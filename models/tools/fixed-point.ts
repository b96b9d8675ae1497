import { FailureCode, JobFailedError } from '../../src/interface/index.js'

/**
 * Numbers for contracts, which have no floats: `int256` with 18 decimals, as ether has. The first nine count, more than
 * float32 holds, and the rest is zero: so a number survives the way to the chain and back.
 */
const decimals = 1e9
const filler = 1_000_000_000n

/** Rounded to nine decimals. Throws JobFailedError(ModelFailed) for what is not finite, or 2^53 / 1e9 and beyond. */
export function rounded(value: number): number {
  const units = Math.round(value * decimals)
  if (!Number.isSafeInteger(units)) {
    throw new JobFailedError(
      FailureCode.ModelFailed,
      `The model answered ${value}, which no contract can take`
    )
  }
  // Without -0, which is no integer.
  return units === 0 ? 0 : units / decimals
}

export function toFixedPoint(value: number): bigint {
  return BigInt(Math.round(rounded(value) * decimals)) * filler
}

export function fromFixedPoint(value: bigint): number {
  return rounded(Number(value / filler) / decimals)
}
