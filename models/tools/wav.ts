import { FailureCode, JobFailedError } from '../../src/interface/index.js'

/** 4 MiB: two minutes at 16 kHz. */
export const maxAudioBytes = 4 * 1024 * 1024
/** From telephones to studios. */
const sampleRates = { lowest: 8_000, highest: 48_000 }

/** One channel of sound. */
export interface Sound {
  /** In Hz. */
  sampleRate: number
  /** Each from -1 to below 1. */
  samples: Float32Array
}

const riff = 0x52494646
const wave = 0x57415645
const fmt = 0x666d7420
const dataChunk = 0x64617461
const pcm = 1
const headerBytes = 44

/**
 * Reads a WAV file of 16-bit PCM with one channel. Throws JobFailedError: InvalidInput for anything else,
 * InputTooLarge above `maxAudioBytes`.
 */
export function decodeWav(bytes: Uint8Array): Sound {
  if (bytes.length > maxAudioBytes) {
    throw new JobFailedError(
      FailureCode.InputTooLarge,
      `The sound has ${bytes.length} bytes: at most ${maxAudioBytes} are taken`
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || view.getUint32(0) !== riff || view.getUint32(8) !== wave) {
    throw invalid('is no WAV file')
  }
  let sampleRate: number | undefined
  for (let offset = 12; offset + 8 <= bytes.length; ) {
    const id = view.getUint32(offset)
    const size = view.getUint32(offset + 4, true)
    const start = offset + 8
    if (start + size > bytes.length) {
      throw invalid('ends too early')
    }
    if (id === fmt) {
      sampleRate = readFormat(view, start, size)
    } else if (id === dataChunk) {
      if (sampleRate === undefined) {
        throw invalid('has no format before its data')
      }
      return { sampleRate, samples: readSamples(view, start, size) }
    }
    // Chunks are padded to even lengths.
    offset = start + size + (size % 2)
  }
  throw invalid('has no data')
}

function readFormat(view: DataView, start: number, size: number): number {
  if (size < 16) {
    throw invalid('has a broken format')
  }
  const [format, channels] = [view.getUint16(start, true), view.getUint16(start + 2, true)]
  const [sampleRate, bits] = [view.getUint32(start + 4, true), view.getUint16(start + 14, true)]
  if (format !== pcm || channels !== 1 || bits !== 16) {
    throw invalid(
      `has format ${format}, ${channels} channels and ${bits} bits a sample: make it PCM (1), 1 channel, 16 bits`
    )
  }
  if (sampleRate < sampleRates.lowest || sampleRate > sampleRates.highest) {
    throw invalid(
      `has ${sampleRate} samples a second: ${sampleRates.lowest} to ${sampleRates.highest} are taken`
    )
  }
  return sampleRate
}

function readSamples(view: DataView, start: number, size: number): Float32Array {
  if (size < 2 || size % 2 !== 0) {
    throw invalid('has no whole sample')
  }
  return Float32Array.from(
    { length: size / 2 },
    (_, index) => view.getInt16(start + 2 * index, true) / 32_768
  )
}

function invalid(what: string): JobFailedError {
  return new JobFailedError(FailureCode.InvalidInput, `The sound ${what}`)
}

/** A WAV file of 16-bit PCM; what is beyond -1 and 1 is cut. */
export function encodeWav({ sampleRate, samples }: Sound): Uint8Array {
  const bytes = new Uint8Array(headerBytes + 2 * samples.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, riff)
  view.setUint32(4, bytes.length - 8, true)
  view.setUint32(8, wave)
  view.setUint32(12, fmt)
  view.setUint32(16, 16, true)
  view.setUint16(20, pcm, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, 2 * sampleRate, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  view.setUint32(36, dataChunk)
  view.setUint32(40, 2 * samples.length, true)
  for (const [index, sample] of samples.entries()) {
    const value = Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768)))
    view.setInt16(headerBytes + 2 * index, value, true)
  }
  return bytes
}

/** The same sound at another rate, by linear interpolation. */
export function resampled({ sampleRate, samples }: Sound, wantedRate: number): Sound {
  if (sampleRate === wantedRate) {
    return { sampleRate, samples }
  }
  const length = Math.max(1, Math.round((samples.length * wantedRate) / sampleRate))
  const step = sampleRate / wantedRate
  const value = (_: unknown, index: number): number => {
    const place = index * step
    const before = Math.min(Math.floor(place), samples.length - 1)
    const left = samples[before] ?? 0
    const right = samples[Math.min(before + 1, samples.length - 1)] ?? 0
    return left + (right - left) * (place - before)
  }
  return { sampleRate: wantedRate, samples: Float32Array.from({ length }, value) }
}
