import { expect, it } from 'vitest'
import { announcers } from '../../../src/job/announcers.js'
import { manualClock } from '../../helpers/manual-clock.js'

it('behavior: announcers without number do not make a node forget who was right', () => {
  const known = announcers({ clock: manualClock() })
  const sequencer = known.get('sequencer')
  known.note(sequencer, true)
  for (let n = 0; n < 3_000; n++) known.get(`stranger ${n}`)
  expect(known.isProvenName('sequencer')).toBe(true)
  expect(known.get('sequencer')).toBe(sequencer)
})

it('behavior: who was right and then lies is proven no more, and is refused for a while', () => {
  const known = announcers({ clock: manualClock() })
  const liar = known.get('liar')
  known.note(liar, true)
  let isLiar = false
  for (let n = 0; n < 300 && !isLiar; n++) isLiar = known.note(liar, false)
  expect(isLiar).toBe(true)
  expect(known.isProvenName('liar')).toBe(false)
  expect(known.mayWait(known.get('liar'), false)).toBe(false)
})
