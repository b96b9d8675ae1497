import type { AudioSegment } from '../task.js'

export interface SegmentSettings {
  threshold: number
  endThreshold: number
  minSpeechMs: number
  minSilenceMs: number
  padMs: number
  /** What one probability is about. */
  windowMs: number
  /** Of the whole sound. */
  durationMs: number
}

/** Windows from `first` to before `end`. */
interface Run {
  first: number
  end: number
}

/**
 * The parts with speech, by time. The score is the mean probability of a part's windows. The rules are those of
 * `get_speech_timestamps` of Silero VAD.
 */
export function speechSegments(probabilities: readonly number[], settings: SegmentSettings): AudioSegment[] {
  const { minSpeechMs, windowMs, durationMs } = settings
  const runs = speechRuns(probabilities, settings).filter(
    ({ first, end }) => (end - first) * windowMs >= minSpeechMs
  )
  return runs.map(({ first, end }, index) => {
    const before = (runs[index - 1]?.end ?? 0) * windowMs
    const after = (runs[index + 1]?.first ?? Number.POSITIVE_INFINITY) * windowMs
    const [start, stop] = [first * windowMs, end * windowMs]
    const sum = probabilities.slice(first, end).reduce((total, value) => total + value, 0)
    return {
      label: 'speech',
      score: sum / (end - first),
      // Two neighbours share the pause between them where it is too short for both.
      startMs: Math.round(Math.max(0, start - padding(start - before, index === 0, settings))),
      endMs: Math.round(Math.min(durationMs, stop + padding(after - stop, false, settings)))
    }
  })
}

function padding(pauseMs: number, isFirst: boolean, { padMs }: SegmentSettings): number {
  return isFirst ? padMs : Math.min(padMs, pauseMs / 2)
}

function speechRuns(
  probabilities: readonly number[],
  { threshold, endThreshold, minSilenceMs, windowMs }: SegmentSettings
): Run[] {
  const runs: Run[] = []
  let first: number | undefined
  /** Where a pause began that may end the speech. */
  let pause: number | undefined
  for (const [index, probability] of probabilities.entries()) {
    if (probability >= threshold) {
      first ??= index
      pause = undefined
    } else if (first !== undefined && probability < endThreshold) {
      pause ??= index
      if ((index - pause) * windowMs >= minSilenceMs) {
        runs.push({ first, end: pause })
        first = undefined
        pause = undefined
      }
    }
  }
  if (first !== undefined) {
    runs.push({ first, end: pause ?? probabilities.length })
  }
  return runs
}
