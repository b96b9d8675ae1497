import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createModelRegistry } from '../../../models/index.js'
import { sampleInput } from '../../../node/models/skeleton-body.js'
import { packageRoot } from '../../../node/paths.js'
import { FailureCode, type Hex, JobFailedError, ModelCategory } from '../../../src/interface/index.js'

const registry = await createModelRegistry({ onFault: () => undefined })
const tasks = registry.tasks()
const bytesOf = (hex: Hex): Uint8Array => Buffer.from(hex.slice(2), 'hex')

test('tasks: each category, name and alias stands for one task', () => {
  const names = tasks.flatMap(task => [task.name, ...task.aliases])
  expect(new Set(names).size).toBe(names.length)
  expect(tasks.map(task => task.category).toSorted((a, b) => a - b)).toEqual(
    Object.values(ModelCategory).toSorted((a, b) => a - b)
  )
  for (const [name, category] of Object.entries(ModelCategory)) {
    // The original's names, and the names of the contracts.
    expect(registry.task(name)).toMatchObject({ category, contract: name })
  }
})

describe.each(tasks.map(task => [task.name, task] as const))('task %s', (_, task) => {
  const { bytes } = sampleInput(task)
  const value = task.input.fromContent(bytes)

  test('its contract lies under its own name', () => {
    expect(existsSync(join(packageRoot, 'contracts', `${task.contract}.sol`))).toBe(true)
  })

  test('an input survives the way to the chain and into a file', () => {
    expect(task.input.schema.safeParse(value).success).toBe(true)
    const encoded = task.input.encode(value)
    expect(task.input.encode(task.input.decode(bytesOf(encoded)))).toBe(encoded)
    expect(task.input.encode(task.input.fromContent(task.input.toContent(value).bytes))).toBe(encoded)
  })

  test('its schemas refuse what is nothing', () => {
    for (const nothing of [null, undefined, 5, 'text', []]) {
      expect(task.input.schema.safeParse(nothing).success).toBe(false)
      expect(task.output.schema.safeParse(nothing).success).toBe(false)
    }
  })

  test('bytes that are no encoding of an input are InvalidInput', () => {
    const encoded = bytesOf(task.input.encode(value))
    for (const wrong of [
      new Uint8Array(31),
      new Uint8Array(64).fill(0xff),
      Buffer.from('no encoding at all, but long enough for two words of thirty-two'),
      ...(encoded.length > 0 ? [encoded.subarray(0, encoded.length - 32), new Uint8Array()] : [])
    ]) {
      expect(() => task.input.decode(wrong)).toThrow(
        expect.objectContaining({ failureCode: FailureCode.InvalidInput })
      )
    }
  })

  test('random bytes in a file are taken, or refused with a code', () => {
    for (let length = 1; length < 200; length += 7) {
      const random = Uint8Array.from({ length }, (_value, index) => (index * 197 + length * 31) % 256)
      try {
        expect(task.input.schema.safeParse(task.input.fromContent(random)).success).toBe(true)
      } catch (err) {
        expect(err).toBeInstanceOf(JobFailedError)
      }
    }
  })
})
