import { describe, expect, test } from 'vitest'
import {
  type SegmentSettings,
  speechSegments
} from '../../../models/audio-classification/silero-vad/segments.js'

const settings: SegmentSettings = {
  threshold: 0.5,
  endThreshold: 0.35,
  minSpeechMs: 60,
  minSilenceMs: 60,
  padMs: 0,
  windowMs: 30,
  durationMs: 3000
}
const times = (probabilities: number[], changed: Partial<SegmentSettings> = {}): [number, number][] =>
  speechSegments(probabilities, { ...settings, ...changed }).map(({ startMs, endMs }) => [startMs, endMs])

describe('silero-vad: segments', () => {
  test('begin at the threshold, and end where a pause does not end', () => {
    expect(times([0.1, 0.4, 0.9, 0.8, 0.9, 0.1, 0.1, 0.1, 0.1])).toEqual([[60, 150]])
    expect(times([0, 0, 0])).toEqual([])
    expect(times([])).toEqual([])
  })

  test('go on between the two thresholds, and over short pauses', () => {
    expect(times([0.9, 0.4, 0.4, 0.4, 0.4, 0.9, 0.1, 0.1, 0.1])).toEqual([[0, 180]])
    expect(times([0.9, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1])).toEqual([[0, 150]])
    expect(times([0.9, 0.9, 0.1, 0.1, 0.1, 0.9, 0.9])).toEqual([
      [0, 60],
      [150, 210]
    ])
  })

  test('run to the end of the sound, or to the pause that had begun', () => {
    expect(times([0.1, 0.9, 0.9, 0.9])).toEqual([[30, 120]])
    expect(times([0.1, 0.9, 0.9, 0.9, 0.1])).toEqual([[30, 120]])
    expect(times([0.1, 0.9, 0.9, 0.9], { durationMs: 110 })).toEqual([[30, 110]])
  })

  test('are dropped where they are too short', () => {
    expect(times([0.1, 0.9, 0.1, 0.1, 0.1, 0.1])).toEqual([])
  })

  test('are padded, but never into one another or out of the sound', () => {
    expect(times([0.9, 0.9, 0.1, 0.1, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1], { padMs: 60 })).toEqual([
      [0, 105],
      [105, 270]
    ])
    expect(times([0, 0, 0, 0.9, 0.9, 0, 0, 0], { padMs: 40 })).toEqual([[50, 190]])
  })

  test('have the mean probability as score', () => {
    expect(speechSegments([0.5, 1, 0.9], settings)[0]?.score).toBeCloseTo(0.8, 12)
  })
})
