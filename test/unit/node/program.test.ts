import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nodeFlags } from '../../../node/testnet/node-process.js'

test('behavior: the program and the processes of the local network run with the same flags of V8', () => {
  const program = readFileSync(new URL('../../../node/bin.ts', import.meta.url), 'utf8')
  expect(program.split('\n', 1)).toEqual([`#!/usr/bin/env -S node ${nodeFlags.join(' ')}`])
})
