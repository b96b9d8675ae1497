import {
  GraphQLBoolean,
  GraphQLError,
  GraphQLID,
  GraphQLInt,
  GraphQLScalarType,
  GraphQLString,
  Kind
} from 'graphql/index.js'
import type { ScalarName } from './entity-schema.js'

/** Hex with or without `0x` in, lowercase hex with `0x` out. */
export const bytesScalar = new GraphQLScalarType<string, string>({
  name: 'Bytes',
  serialize: value => String(value),
  parseValue: value => parseBytes(value),
  parseLiteral: node => parseBytes(node.kind === Kind.STRING ? node.value : undefined)
})
const bigIntScalar = new GraphQLScalarType<bigint, string>({
  name: 'BigInt',
  serialize: value => String(value),
  parseValue: value => parseBigInt(value),
  parseLiteral: node =>
    parseBigInt(node.kind === Kind.STRING || node.kind === Kind.INT ? node.value : undefined)
})
export const scalarTypes: Record<ScalarName, GraphQLScalarType> = {
  ID: GraphQLID,
  String: GraphQLString,
  Bytes: bytesScalar,
  BigInt: bigIntScalar,
  Int: GraphQLInt,
  Boolean: GraphQLBoolean
}
/** Throws with graph-node's words for what is not hex of whole bytes. */
export function parseBytes(value: unknown): string {
  const digits = typeof value === 'string' ? value.replace(/^0x/, '') : ''
  if (typeof value !== 'string' || digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) {
    throw new GraphQLError(`Failed to decode \`Bytes\` value: \`${String(value)}\``)
  }
  return `0x${digits.toLowerCase()}`
}

function parseBigInt(value: unknown): bigint {
  if (!/^-?\d+$/.test(String(value)))
    throw new GraphQLError(`Failed to decode \`BigInt\` value: \`${String(value)}\``)
  return BigInt(String(value))
}
