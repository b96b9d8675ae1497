import type { RgbPicture } from '../../tools/picture.js'
import { area, type Box, grown, type Point, textBox } from './geometry.js'
import { type Grid, type Normalisation, sampleTensor } from './resample.js'

/** Settings of the post-processing of "Real-time Scene Text Detection with Differentiable Binarization" (DB). */
export interface DetectionSettings {
  /** The longer side is shrunk to this many pixels. */
  maxSide: number
  /** The longer side is enlarged to this many pixels, at most threefold. */
  minSide: number
  /** A pixel is text from this probability on. */
  pixelThreshold: number
  /** A box is text from this mean probability on. */
  boxThreshold: number
  /** How far a box grows: `area · ratio / perimeter`, as the network was trained on shrunk boxes. */
  unclipRatio: number
  maxBoxes: number
}

/** Of ImageNet, as PP-OCR's configuration has it. */
const normalisation: Normalisation = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] }
/** Sides must be multiples of this: the network halves them five times. */
const stride = 32
/** Room around the picture, in pixels of the network's input: text that touches an edge is missed otherwise. */
const margin = 24

/** A picture as the detection network takes it. */
export interface DetectionInput {
  /** Shape [1, 3, height, width]. */
  tensor: Float32Array
  width: number
  height: number
  /** From the network's pixels to the picture's. */
  toPicture(box: Box): Box
}

export function detectionInput(picture: RgbPicture, settings: DetectionSettings): DetectionInput {
  const longer = Math.max(picture.width, picture.height)
  const scale =
    longer > settings.maxSide
      ? settings.maxSide / longer
      : Math.min(3, Math.max(1, settings.minSide / longer))
  const side = (length: number): number => Math.ceil((length * scale + 2 * margin) / stride) * stride
  const width = side(picture.width)
  const height = side(picture.height)
  // What the multiple of the stride adds is spread to both sides.
  const offsetX = (width - picture.width * scale) / 2
  const offsetY = (height - picture.height * scale) / 2
  const grid: Grid = {
    originX: -offsetX / scale,
    originY: -offsetY / scale,
    rightX: 1 / scale,
    rightY: 0,
    downX: 0,
    downY: 1 / scale
  }
  return {
    tensor: sampleTensor(picture, grid, { width, height, rowWidth: width }, normalisation),
    width,
    height,
    toPicture: box => ({
      centreX: (box.centreX - offsetX) / scale,
      centreY: (box.centreY - offsetY) / scale,
      width: box.width / scale,
      height: box.height / scale,
      angle: box.angle
    })
  }
}

/** Boxes of text in a probability map of `width × height`, in its pixels. */
export function findBoxes(
  map: Float32Array,
  width: number,
  height: number,
  settings: DetectionSettings
): Box[] {
  const boxes: Box[] = []
  for (const outline of outlines(map, width, height, settings.pixelThreshold)) {
    if (boxes.length === settings.maxBoxes) {
      break
    }
    const box = textBox(outline)
    // Less than 3 pixels is noise (`min_size` of PP-OCR).
    if (Math.min(box.width, box.height) < 3 || meanInside(map, width, height, box) < settings.boxThreshold) {
      continue
    }
    boxes.push(grown(box, (area(box) * settings.unclipRatio) / (2 * (box.width + box.height))))
  }
  return boxes
}

/**
 * The connected regions (8 neighbours) of pixels from `threshold` on. Of each, the corners of the first and last
 * pixel of every row: all that its hull needs.
 */
function* outlines(map: Float32Array, width: number, height: number, threshold: number): Iterable<Point[]> {
  const seen = new Uint8Array(map.length)
  const stack: number[] = []
  const visit = (index: number): void => {
    if (seen[index] === 0 && (map[index] ?? 0) > threshold) {
      seen[index] = 1
      stack.push(index)
    }
  }
  for (let start = 0; start < map.length; start++) {
    visit(start)
    if (stack.length === 0) {
      continue
    }
    const rows = new Map<number, { first: number; last: number }>()
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      const x = index % width
      const y = (index - x) / width
      const row = rows.get(y)
      if (row === undefined) {
        rows.set(y, { first: x, last: x })
      } else {
        row.first = Math.min(row.first, x)
        row.last = Math.max(row.last, x)
      }
      for (let ny = Math.max(y - 1, 0); ny <= Math.min(y + 1, height - 1); ny++) {
        for (let nx = Math.max(x - 1, 0); nx <= Math.min(x + 1, width - 1); nx++) {
          visit(ny * width + nx)
        }
      }
    }
    yield [...rows].flatMap(([y, { first, last }]): Point[] => [
      [first, y],
      [first, y + 1],
      [last + 1, y],
      [last + 1, y + 1]
    ])
  }
}

/** Mean of the map over the pixels whose centre lies in the box. */
function meanInside(map: Float32Array, width: number, height: number, box: Box): number {
  const cos = Math.cos(box.angle)
  const sin = Math.sin(box.angle)
  const reachX = (Math.abs(cos) * box.width + Math.abs(sin) * box.height) / 2
  const reachY = (Math.abs(sin) * box.width + Math.abs(cos) * box.height) / 2
  let sum = 0
  let count = 0
  const bottom = Math.min(height - 1, Math.ceil(box.centreY + reachY))
  const right = Math.min(width - 1, Math.ceil(box.centreX + reachX))
  for (let y = Math.max(0, Math.floor(box.centreY - reachY)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(box.centreX - reachX)); x <= right; x++) {
      const dx = x + 0.5 - box.centreX
      const dy = y + 0.5 - box.centreY
      if (Math.abs(dx * cos + dy * sin) <= box.width / 2 && Math.abs(dy * cos - dx * sin) <= box.height / 2) {
        sum += map[y * width + x] ?? 0
        count++
      }
    }
  }
  return count === 0 ? 0 : sum / count
}
