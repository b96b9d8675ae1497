import { randomBytes } from 'node:crypto'
import { RPC } from '@libp2p/gossipsub/message'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { frameReader } from '../../../src/network/frame-reader.js'

const maximalBytes = 100_000

function prefixed(bytes: Uint8Array, length = bytes.byteLength): Uint8Array {
  const prefix: number[] = []
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    prefix.push(rest < 128 ? rest : (rest % 128) + 128)
    if (rest < 128) break
  }
  return Buffer.concat([Uint8Array.from(prefix), bytes])
}

const rpc = fc.record({
  subscriptions: fc.array(fc.record({ subscribe: fc.boolean(), topic: fc.string() }), { maxLength: 4 }),
  messages: fc.array(fc.record({ topic: fc.string(), data: fc.uint8Array({ maxLength: 300 }) }), {
    maxLength: 6
  })
})

describe('frameReader', () => {
  test('behavior: counts the fields of RPCs, wherever the stream is cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(rpc, { maxLength: 8 }), fc.integer({ min: 1, max: 200 }), (rpcs, chunkBytes) => {
        const stream = Buffer.concat(rpcs.map(one => prefixed(RPC.encode(one))))
        const reader = frameReader(maximalBytes)
        let fields = 0
        for (let at = 0; at < stream.byteLength; at += chunkBytes) {
          const read = reader.read(stream.subarray(at, at + chunkBytes))
          expect(read.isBroken).toBe(false)
          fields += read.fields
        }
        expect(fields).toBe(
          rpcs.reduce((sum, { subscriptions, messages }) => sum + subscriptions.length + messages.length, 0)
        )
      })
    )
  })

  test('behavior: a field of a later version is passed over', () => {
    // Field 100, a varint; field 101, 64 bits; field 102, 32 bits.
    const later = [0xa0, 6, 0xff, 1, 0xa9, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xb5, 6, 1, 2, 3, 4]
    const read = frameReader(maximalBytes).read(prefixed(Uint8Array.from(later)))
    expect(read).toEqual({ fields: 3, frames: 1, isBroken: false })
  })

  test.each([
    ['a frame longer than any may be', prefixed(new Uint8Array(8), maximalBytes + 1)],
    ['a length without end', new Uint8Array(8).fill(0xff)],
    ['a field that reaches beyond its frame', prefixed(Uint8Array.from([0x12, 5, 1, 2]))],
    ['a frame that ends within a tag', prefixed(Uint8Array.from([0x80]))],
    ['a frame that ends before a value', prefixed(Uint8Array.from([0x12]))],
    ['a field without a number', prefixed(Uint8Array.from([0x02, 0]))],
    ['a wire type that is no more', prefixed(Uint8Array.from([0x13, 0]))]
  ])('behavior: %s is broken', (_, bytes) => {
    const reader = frameReader(maximalBytes)
    expect(reader.read(bytes).isBroken).toBe(true)
    expect(reader.read(prefixed(RPC.encode({ subscriptions: [], messages: [] }))).isBroken).toBe(true)
  })

  test('behavior: fields within fields count where they are messages, wherever the stream is cut', () => {
    const known = { 1: { 1: 'bytes', 2: 'varint' }, 2: 'bytes' } as const
    // Two messages in field 1, of two fields and of none; the second's bytes and field 2 look like fields and are none.
    const frame = prefixed(
      Uint8Array.from([0x0a, 6, 0x10, 7, 0x0a, 2, 0x0a, 9, 0x0a, 0, 0x12, 3, 0x0a, 1, 0])
    )
    const stream = Buffer.concat([frame, frame])
    for (let chunkBytes = 1; chunkBytes <= stream.byteLength; chunkBytes++) {
      for (const maximalFields of [5, 4]) {
        const reader = frameReader(maximalBytes, { maximalFields, known })
        let fields = 0
        let isBroken = false
        for (let at = 0; at < stream.byteLength; at += chunkBytes) {
          const read = reader.read(stream.subarray(at, at + chunkBytes))
          fields += read.fields
          isBroken ||= read.isBroken
        }
        expect(isBroken).toBe(maximalFields === 4)
        if (!isBroken) expect(fields).toBe(10)
      }
    }
  })

  test.each([
    ['a field that reaches beyond its message', [0x0a, 2, 0x0a, 1, 0, 0]],
    ['a message that ends within a field', [0x0a, 1, 0x0a, 0]],
    ['a message that reaches beyond its frame', [0x0a, 9, 0x0a, 0]],
    ['bytes that are said to be a number', [0x10, 3]],
    ['a number of a field beyond 32 bits', [0x8a, 0x80, 0x80, 0x80, 0x10, 0]]
  ])('behavior: where fields are known, %s is broken', (_, bytes) => {
    const known = { 1: { 1: 'bytes' }, 2: 'bytes' } as const
    expect(frameReader(maximalBytes, { known }).read(prefixed(Uint8Array.from(bytes))).isBroken).toBe(true)
  })

  test('behavior: noise is told from RPCs within a few frames', () => {
    const reader = frameReader(maximalBytes)
    const isBroken = Array.from({ length: 10 }, () => reader.read(prefixed(randomBytes(1_000))).isBroken)
    expect(isBroken.at(-1)).toBe(true)
  })
})
