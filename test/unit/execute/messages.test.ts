import { expect, test } from 'vitest'
import { parseChildMessage } from '../../../src/execute/messages.js'

const receipt = { runtime: 'native', runtimeVersion: '1', manifest: 'bafy', cpu: 'x', outputHash: '0x00' }

test('messages: takes what a child says', () => {
  for (const message of [
    { type: 'ready' },
    { type: 'done', id: 1, outcome: { success: true, output: '0x00ff', receipt } },
    { type: 'done', id: 1, outcome: { success: false, code: 1, reason: 'why', receipt: undefined } },
    { type: 'unable', id: 1, message: 'why' }
  ]) {
    expect(parseChildMessage(message)).toEqual(message)
  }
})

test('messages: refuses what a child must not say', () => {
  for (const message of [
    undefined,
    'ready',
    { type: 'other' },
    { type: 'ready', extra: 1 },
    { type: 'done', id: -1, outcome: { success: true, output: '0x00', receipt } },
    { type: 'done', id: 1, outcome: { success: true, output: '0x0', receipt } },
    { type: 'done', id: 1, outcome: { success: true, output: '0xGG', receipt } },
    { type: 'done', id: 1, outcome: { success: false, code: 99, reason: 'why', receipt: undefined } },
    {
      type: 'done',
      id: 1,
      outcome: { success: false, code: 1, reason: 'x'.repeat(1_001), receipt: undefined }
    }
  ]) {
    expect(parseChildMessage(message)).toBeUndefined()
  }
})
