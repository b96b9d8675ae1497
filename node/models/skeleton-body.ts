import type { AnyTask } from '../../models/index.js'
import { encodePng } from '../../models/tools/png.js'
import { encodeWav } from '../../models/tools/wav.js'
import { ConfigError } from '../../src/interface/index.js'

export interface SkeletonBody {
  imports: string[]
  /** The method `run`, indented. */
  body: string
}

const random = "import { seededRandom } from '../tools/random.js'"
const png = "import { encodePng } from '../tools/png.js'"

/** `run` of each task: a model that knows nothing, and answers in the right form what its seed says. */
const bodies: Record<string, SkeletonBody> = {
  'text-generation': text('input.text'),
  'image-to-text': text('`a picture of ${input.image.length} bytes`'),
  'automatic-speech-recognition': text('`a sound of ${input.audio.length} bytes`'),
  'text-to-image': picture('input.text.length'),
  'unconditional-image-generation': picture('0'),
  'text-classification': labels('input.text.length'),
  'image-classification': labels('input.image.length'),
  'audio-classification': {
    imports: [random],
    body: `      async run(input, seed) {
        const endMs = input.audio.length
        return { segments: [{ label: 'noise', score: seededRandom(seed).uniform(), startMs: 0, endMs }] }
      },`
  },
  'feature-extraction': {
    imports: [random],
    body: `      async run(input, seed) {
        return { embedding: [input.text.length, ...seededRandom(seed).normals(3)] }
      },`
  },
  'text-image-joint-embedding': {
    imports: [random],
    body: `      async run(input, seed) {
        const { normals } = seededRandom(seed)
        return {
          textEmbedding: input.text === '' ? [] : [...normals(4)],
          imageEmbedding: input.image.length === 0 ? [] : [...normals(4)]
        }
      },`
  },
  'reinforcement-learning': {
    imports: [random],
    body: `      async run(_input, seed, context) {
        // The answer of the game's contract, ABI-encoded.
        const [board = new Uint8Array()] = context?.reads ?? []
        const { integer } = seededRandom(seed)
        return { x: integer(3), y: board.length === 0 ? 0 : integer(3) }
      },`
  },
  tensor: {
    imports: [],
    body: `      async run(input) {
        return { outputs: input.inputs }
      },`
  }
}

function text(value: string): SkeletonBody {
  return {
    imports: [random],
    body: `      async run(input, seed) {
        return { text: \`\${${value}} \${seededRandom(seed).integer(1000)}\` }
      },`
  }
}

function picture(value: string): SkeletonBody {
  return {
    imports: [png, random],
    body: `      async run(${value === '0' ? '_input' : 'input'}, seed) {
        const data = seededRandom(seed).bytes(8 * 8 * 3).map(byte => byte ^ ${value})
        return { image: encodePng({ width: 8, height: 8, data }) }
      },`
  }
}

function labels(value: string): SkeletonBody {
  return {
    imports: ["import { bestLabels } from '../tools/labels.js'", random],
    body: `      async run(input, seed) {
        const names = ['odd', 'even']
        const scores = [${value} % 2, seededRandom(seed).uniform()]
        return bestLabels(scores, names, 2)
      },`
  }
}

/** Throws ConfigError for a task that is not among those of this version. */
export function skeletonBody(task: AnyTask): SkeletonBody {
  const body = bodies[task.name]
  if (body === undefined) {
    throw new ConfigError(
      `There is no skeleton for the task ${task.name}: begin with one of its architectures`
    )
  }
  return body
}

/** An input that the task takes, as a file. */
export function sampleInput(task: AnyTask): { file: string; bytes: Uint8Array } {
  switch (task.input.type) {
    case 'none':
      return { file: 'input.bin', bytes: new Uint8Array() }
    case 'text':
      return { file: 'input.txt', bytes: Buffer.from('Once upon a time') }
    case 'image':
      return {
        file: 'input.png',
        bytes: encodePng({ width: 2, height: 2, data: new Uint8Array(12).fill(200) })
      }
    case 'text+image':
      return { file: 'input.json', bytes: Buffer.from('{"text":"a picture"}') }
    case 'audio':
      return {
        file: 'input.wav',
        bytes: encodeWav({ sampleRate: 16_000, samples: new Float32Array(1_600) })
      }
    case 'game':
      return {
        file: 'input.json',
        bytes: Buffer.from('{"game":"0x0000000000000000000000000000000000000001","gameId":"1"}')
      }
    default:
      return {
        file: 'input.json',
        bytes: Buffer.from('{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1,2]}]}')
      }
  }
}
