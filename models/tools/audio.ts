import { getBytes } from 'ethers'
import { z } from 'zod'
import type { Codec } from '../../src/interface/index.js'
import { decodeAbi, encodeAbi } from './abi.js'
import { decodeWav } from './wav.js'

/** A sound of a task: the bytes of a WAV file, 16-bit PCM, one channel, 8 to 48 kHz, at most 4 MiB. */
export interface AudioValue {
  audio: Uint8Array
}

const schema = z.object({ audio: z.instanceof(Uint8Array).refine(isWav, 'is no WAV file of 16-bit PCM') })

function isWav(bytes: Uint8Array): boolean {
  try {
    decodeWav(bytes)
    return true
  } catch {
    // Whatever decodeWav throws says the same: it is none.
    return false
  }
}

function checkedAudio(audio: Uint8Array): AudioValue {
  decodeWav(audio)
  return { audio }
}

/** `(bytes audio)`; as a file the WAV file itself. */
export const audioCodec: Codec<AudioValue> = {
  type: 'audio',
  schema,
  abi: '(bytes audio)',
  encode: ({ audio }) => encodeAbi(['bytes'], [audio]),
  decode: bytes => checkedAudio(getBytes(z.string().parse(decodeAbi(['bytes'], bytes)[0]))),
  fromContent: checkedAudio,
  toContent: ({ audio }) => ({ bytes: audio, mediaType: 'audio/wav' })
}
