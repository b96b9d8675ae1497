import { isAddress, parseUnits } from 'ethers'
import { z } from 'zod'
import type { Address } from '../../src/interface/index.js'

/** One setting: how its value is checked, and the words that say what it must be. */
export interface Field<T> {
  schema: z.ZodType<T>
  /** Completes "must be …". */
  must: string
}

/** An integer, or its decimal digits (flags and variables are text). */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Field<number> {
  const text = z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number)
  return {
    schema: z.union([z.number(), text]).pipe(z.number().int().min(min).max(max)),
    must: max === Number.MAX_SAFE_INTEGER ? `an integer ≥ ${min}` : `an integer between ${min} and ${max}`
  }
}

export function choice<const T extends string>(...values: T[]): Field<T> {
  return { schema: z.enum(values) as unknown as z.ZodType<T>, must: `one of ${values.join(', ')}` }
}

export const flag: Field<boolean> = {
  schema: z.union([
    z.boolean(),
    z.enum(['true', '1']).transform(() => true),
    z.enum(['false', '0']).transform(() => false)
  ]),
  must: 'true or false'
}

export const text: Field<string> = { schema: z.string().min(1), must: 'a text that is not empty' }

export const httpUrl: Field<string> = {
  schema: z.string().refine(value => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)),
  must: 'an http:// or https:// URL'
}

export const address: Field<Address> = {
  schema: z.custom<Address>(value => typeof value === 'string' && isAddress(value)),
  must: 'an Ethereum address (0x and 40 hex digits, with a valid checksum)'
}

/** A price of gas, as wei. A billionth of a gwei is a wei, the least there is. */
export const gwei: Field<bigint> = {
  schema: z
    .union([z.string(), z.number().transform(String)])
    .refine(value => /^\d{1,9}(\.\d{1,9})?$/.test(value) && /[1-9]/.test(value))
    .transform(value => parseUnits(value, 'gwei')),
  must: 'a number of gwei above 0, such as 30 or 0.5'
}

/** An amount of ether, as text, so that no digit is lost. */
export const ether: Field<string> = {
  schema: z.string().regex(/^\d{1,9}(\.\d{1,18})?$/),
  must: 'an amount of ether such as 0.001'
}

export const privateKey: Field<string> = {
  schema: z.string().regex(/^(0x)?[0-9a-fA-F]{64}$/),
  must: 'a private key (64 hex digits)'
}

/** A list; in a flag or variable, its items are parted by commas. */
export function list<T>(item: Field<T>): Field<T[]> {
  const split = z.string().transform(value =>
    value
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== '')
  )
  return {
    schema: z.union([z.array(z.unknown()), split]).pipe(z.array(item.schema)),
    must: `a list, each item ${item.must}`
  }
}

export const multiaddr: Field<string> = {
  schema: z.string().regex(/^(\/[^/\s]+)+$/),
  must: 'a multiaddr such as /ip4/127.0.0.1/tcp/9470'
}
