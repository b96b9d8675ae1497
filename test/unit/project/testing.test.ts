import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { faultKinds } from '../../sim/faults.js'

const root = new URL('../../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** Rows of docs/testing.md that name a test. */
const rows = [...read('docs/testing.md').matchAll(/^\|([^|]*)\| `(test\/[^`]+)` \| `([^|]+)` \|$/gm)].map(
  ([, fault = '', file = '', name = '']) => ({ fault: fault.trim(), file, name })
)

/** The names of a file's tests, as they stand there. */
function namesOf(file: string): string[] {
  const calls = read(file).matchAll(
    /\b(?:it|test)(?:\.each\([\s\S]*?\))?\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*)\1/g
  )
  return [...calls].map(([, , name = '']) => name)
}

/** Of names that are put together, in the one file where they are. */
function spelledOut(file: string, names: string[]): string[] {
  if (file !== 'test/unit/sim/faults.test.ts') return names
  return faultKinds.flatMap(kind => names.map(name => name.replace(/\$\{kind\}/, kind)))
}

describe('docs/testing.md', () => {
  it('behavior: each test that it names exists', () => {
    expect(rows.length).toBeGreaterThan(60)
    const missing = rows.filter(({ file, name }) => !spelledOut(file, namesOf(file)).includes(name))
    expect(missing).toEqual([])
  })

  it('behavior: each fault of the simulator is on it', () => {
    const named = new Set(rows.map(({ name }) => name))
    expect(faultKinds.filter(kind => !named.has(`behavior: ${kind} breaks no invariant`))).toEqual([])
  })
})
