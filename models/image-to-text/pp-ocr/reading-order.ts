import type { Box } from './geometry.js'

/** A piece of text and where it stands. */
export interface PlacedText {
  text: string
  box: Box
}

/**
 * The text in reading order: lines from top to bottom, within a line from left to right, parted by a space.
 * Boxes are on one line if each one's middle lies within the other's height. A page that is turned as a whole is read
 * along its own direction.
 */
export function inReadingOrder(pieces: PlacedText[]): string {
  const angle = median(pieces.map(piece => piece.box.angle))
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const placed = pieces
    .map(({ text, box }) => ({
      text,
      across: box.centreX * cos + box.centreY * sin,
      down: box.centreY * cos - box.centreX * sin,
      height: box.height
    }))
    .toSorted((a, b) => a.down - b.down || a.across - b.across)
  const lines: (typeof placed)[] = []
  for (const piece of placed) {
    const line = lines.findLast(candidate => {
      const last = candidate.at(-1)
      return last !== undefined && Math.abs(piece.down - last.down) < Math.min(piece.height, last.height) / 2
    })
    if (line === undefined) {
      lines.push([piece])
    } else {
      line.push(piece)
    }
  }
  return lines
    .map(line =>
      line
        .toSorted((a, b) => a.across - b.across)
        .map(piece => piece.text)
        .join(' ')
    )
    .join('\n')
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
