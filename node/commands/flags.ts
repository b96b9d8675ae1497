import { ConfigError } from '../../src/interface/index.js'
import type { Field } from '../config/fields.js'

/** A flag of one command only. Undefined if it is not given. Throws ConfigError. */
export function parseFlag<T>(name: string, field: Field<T>, value: unknown): T | undefined {
  if (value === undefined) {
    return undefined
  }
  const checked = field.schema.safeParse(value)
  if (!checked.success) {
    throw new ConfigError(`${name} (flag): must be ${field.must}, got ${JSON.stringify(value)}`)
  }
  return checked.data
}
