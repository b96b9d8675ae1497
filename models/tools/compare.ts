import { FailureCode, JobFailedError, type OutputContent } from '../../src/interface/index.js'
import { decodePicture } from './picture.js'
import { pictureFormat } from './picture-format.js'

/**
 * In what an output, as a file, differs from the expected one by more than the tolerance, in words; undefined where it does
 * not. Pictures: the mean difference of their channels' values, of 255. JSON: each number's difference, relative for numbers
 * above 1, and all else equal. Anything else: equal bytes.
 */
export async function difference(
  { bytes, mediaType }: OutputContent,
  expected: Uint8Array,
  tolerance: number
): Promise<string | undefined> {
  if (Buffer.compare(bytes, expected) === 0) {
    return undefined
  }
  if (pictureFormat(bytes) !== undefined) {
    return pictureDifference(bytes, expected, tolerance)
  }
  return mediaType === 'application/json'
    ? jsonDifference(readJson(bytes), readJson(expected), tolerance, 'the output')
    : 'the output is another one than expected'
}

async function pictureDifference(
  foundFile: Uint8Array,
  expectedFile: Uint8Array,
  tolerance: number
): Promise<string | undefined> {
  if (pictureFormat(expectedFile) === undefined) {
    return 'the output is a picture, and the expected file is none'
  }
  const [found, expected] = [await decodePicture(foundFile), await decodePicture(expectedFile)]
  if (found.width !== expected.width || found.height !== expected.height) {
    return `the picture is ${found.width}×${found.height} instead of ${expected.width}×${expected.height}`
  }
  const sum = found.data.reduce(
    (total, value, index) => total + Math.abs(value - (expected.data[index] ?? 0)),
    0
  )
  const mean = sum / found.data.length
  return mean <= tolerance
    ? undefined
    : `the picture differs by ${mean.toFixed(3)} a channel on average: at most ${tolerance} is allowed`
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (err) {
    throw new JobFailedError(FailureCode.ModelFailed, 'The expected output is not JSON, and the output is', {
      cause: err
    })
  }
}

function jsonDifference(
  found: unknown,
  expected: unknown,
  tolerance: number,
  place: string
): string | undefined {
  if (typeof found === 'number' && typeof expected === 'number') {
    const difference = Math.abs(found - expected) / Math.max(1, Math.abs(expected))
    return difference <= tolerance
      ? undefined
      : `${place} is ${found} instead of ${expected}: a difference of ${tolerance} is allowed`
  }
  if (Array.isArray(found) && Array.isArray(expected)) {
    if (found.length !== expected.length) {
      return `${place} has ${found.length} elements instead of ${expected.length}`
    }
    return firstDefined(found, (item, index) =>
      jsonDifference(item, expected[index], tolerance, `${place}[${index}]`)
    )
  }
  if (isRecord(found) && isRecord(expected)) {
    const keys = [...new Set([...Object.keys(found), ...Object.keys(expected)])]
    return firstDefined(keys, key => jsonDifference(found[key], expected[key], tolerance, `${place}.${key}`))
  }
  return found === expected ? undefined : `${place} is ${show(found)} instead of ${show(expected)}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function firstDefined<T>(
  items: T[],
  tell: (item: T, index: number) => string | undefined
): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = tell(item, index)
    if (found !== undefined) {
      return found
    }
  }
  return undefined
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 100)
}
