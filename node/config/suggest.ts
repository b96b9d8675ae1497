/** The known word nearest to a mistyped one, as ` (did you mean "capacity"?)`; empty where none is near. */
export function suggest(word: string, known: Iterable<string>): string {
  let best: { name: string; distance: number } | undefined
  for (const name of known) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase())
    if (best === undefined || distance < best.distance) {
      best = { name, distance }
    }
  }
  // A third of the letters wrong is still a typing error; more is another word.
  return best !== undefined && best.distance <= Math.max(2, word.length / 3)
    ? ` (did you mean "${best.name}"?)`
    : ''
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
