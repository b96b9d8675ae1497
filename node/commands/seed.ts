import { isHexString, toUtf8Bytes } from 'ethers'
import { z } from 'zod'
import { ConfigError, type Hex } from '../../src/interface/index.js'
import type { Field } from '../config/fields.js'

export const hexBytes: Field<Hex> = {
  schema: z.custom<Hex>(value => isHexString(value) && value.length % 2 === 0),
  must: 'bytes in hex such as 0x01ff'
}

/** A seed as a person gives it: text, or bytes in hex. Throws ConfigError. */
export function seedOf(value: unknown, otherwise: Hex): Hex {
  if (value === undefined) {
    return otherwise
  }
  const seed = String(value)
  if (!seed.startsWith('0x')) {
    return `0x${Buffer.from(toUtf8Bytes(seed)).toString('hex')}`
  }
  const checked = hexBytes.schema.safeParse(seed)
  if (!checked.success) {
    throw new ConfigError(`--seed (flag): must be text, or ${hexBytes.must}, got "${seed}"`)
  }
  return checked.data
}
