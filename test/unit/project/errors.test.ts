import { describe, expect, it } from 'vitest'
import { FailureCode } from '../../../src/interface/errors.js'
import { read, sourceFiles } from './source-files.js'

describe('docs/errors.md', () => {
  const docs = read('docs/errors.md')
  const code = sourceFiles(['src', 'node', 'models'], /\.ts$/).map(read).join('\n')
  const unique = (text: string, pattern: RegExp): string[] => [...new Set(text.match(pattern) ?? [])].sort()

  it('behavior: it explains each error code of the program, and no other', () => {
    const inCode = unique(code, /BUFFALO_ERR_[A-Z_]*[A-Z]/g)
    expect(inCode.length).toBeGreaterThan(10)
    expect(unique(docs, /BUFFALO_ERR_[A-Z_]*[A-Z]/g)).toEqual(inCode)
  })

  it('behavior: it explains each failure code that a job can end with on chain, and no other', () => {
    const rows = [...docs.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, number, name]) => [
      name,
      Number(number)
    ])
    expect(Object.fromEntries(rows)).toEqual(FailureCode)
  })
})
