export type Point = readonly [x: number, y: number]

/** A rectangle turned by `angle` radians (clockwise on screen, as y points down) about its centre. */
export interface Box {
  centreX: number
  centreY: number
  /** Along the direction of `angle`. */
  width: number
  height: number
  angle: number
}

/** Convex hull by Andrew's monotone chain, without collinear points. */
export function convexHull(points: Point[]): Point[] {
  const sorted = points.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
  const chain = (ordered: Point[]): Point[] => {
    const hull: Point[] = []
    for (const point of ordered) {
      for (;;) {
        const last = hull.at(-1)
        const before = hull.at(-2)
        if (last === undefined || before === undefined || turn(before, last, point) > 0) {
          break
        }
        hull.pop()
      }
      hull.push(point)
    }
    return hull.slice(0, -1)
  }
  return [...chain(sorted), ...chain(sorted.toReversed())]
}

function turn(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/** The rectangle around `points` whose sides run along `angle`. */
export function boxAlong(points: Point[], angle: number): Box {
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  let [minU, maxU, minV, maxV] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const [x, y] of points) {
    const u = x * cos + y * sin
    const v = y * cos - x * sin
    minU = Math.min(minU, u)
    maxU = Math.max(maxU, u)
    minV = Math.min(minV, v)
    maxV = Math.max(maxV, v)
  }
  const u = (minU + maxU) / 2
  const v = (minV + maxV) / 2
  return {
    centreX: u * cos - v * sin,
    centreY: u * sin + v * cos,
    width: maxU - minU,
    height: maxV - minV,
    angle
  }
}

/**
 * The upright rectangle around `points`, or that of least area where this is clearly tighter and clearly a line:
 * a short word's outline says little about how it is turned.
 */
export function textBox(points: Point[]): Box {
  const hull = convexHull(points)
  const upright = boxAlong(hull, 0)
  let least = upright
  hull.forEach((point, index) => {
    const next = hull[(index + 1) % hull.length] ?? point
    // Both directions of the edge's rectangle lie a quarter turn apart: one is within ±45°.
    const edge = Math.atan2(next[1] - point[1], next[0] - point[0])
    const box = boxAlong(hull, edge - Math.round(edge / (Math.PI / 2)) * (Math.PI / 2))
    if (area(box) < area(least)) {
      least = box
    }
  })
  const long = Math.max(least.width, least.height) > 2.5 * Math.min(least.width, least.height)
  return long && area(least) < 0.88 * area(upright) ? least : upright
}

export function area(box: Box): number {
  return box.width * box.height
}

/** The box with each side moved outwards by `distance`. */
export function grown(box: Box, distance: number): Box {
  return { ...box, width: box.width + 2 * distance, height: box.height + 2 * distance }
}

/** The same rectangle, with its text running down (1) or up (-1) instead of to the right. */
export function quarterTurned(box: Box, turns: 1 | -1): Box {
  return { ...box, width: box.height, height: box.width, angle: box.angle + (turns * Math.PI) / 2 }
}
