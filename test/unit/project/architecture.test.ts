import { describe, expect, it } from 'vitest'
import { importsOf, read, sourceFiles } from './source-files.js'

const program = sourceFiles(['src', 'node', 'models'], /\.ts$/)
/** The stages that a job passes, and what they stand on. */
const stages = ['job', 'gossip', 'lease', 'execute', 'submit', 'sync']
const foundations = ['network', 'subgraph', 'chain', 'content']
/** A file longer than this holds more than one thing. */
const MAX_LINES = 400

const folderOf = (path: string): string => path.split('/')[0] ?? ''
const stageOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1]

/** Imports that break a rule, as `from -> to`. */
function offending(isWrong: (from: string, to: string) => boolean): string[] {
  return program.flatMap(from =>
    importsOf(from)
      .filter(to => isWrong(from, to))
      .map(to => `${from} -> ${to}`)
  )
}

describe('the house', () => {
  it('behavior: the files are found at all', () => {
    expect(program.length).toBeGreaterThan(80)
    expect(program.flatMap(importsOf).length).toBeGreaterThan(200)
  })

  it('behavior: src imports neither node nor models', () => {
    expect(offending((from, to) => folderOf(from) === 'src' && folderOf(to) !== 'src')).toEqual([])
  })

  it('behavior: models import nothing of src but its interface, and nothing of node', () => {
    expect(
      offending(
        (from, to) =>
          folderOf(from) === 'models' && folderOf(to) !== 'models' && !to.startsWith('src/interface/')
      )
    ).toEqual([])
  })

  it('behavior: stages do not import each other, nor what they stand on', () => {
    expect(
      offending((from, to) => {
        const [stage, target] = [stageOf(from), stageOf(to)]
        if (stage === undefined || target === undefined || stage === target || !stages.includes(stage))
          return false
        return stages.includes(target) || foundations.includes(target)
      })
    ).toEqual([])
  })

  it('behavior: the interface imports nothing but itself', () => {
    expect(offending((from, to) => stageOf(from) === 'interface' && stageOf(to) !== 'interface')).toEqual([])
  })

  it('behavior: what stages stand on imports no stage', () => {
    expect(
      offending((from, to) => {
        const [from_, target] = [stageOf(from), stageOf(to)]
        return [...foundations, 'db'].includes(from_ ?? '') && stages.includes(target ?? '')
      })
    ).toEqual([])
  })

  it('behavior: no import cycle', () => {
    const done = new Set<string>()
    const cycles: string[] = []
    const visit = (path: string, trail: string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
        return
      }
      if (done.has(path) || !program.includes(path)) return
      // Types vanish when the program is built: only what is there at run time can be a cycle.
      const targets = [
        ...read(path).matchAll(/^(?:import|export)(?! type)[^;'"]*?from '(\.{1,2}\/[^']+)'/gm)
      ].map(([, to]) => to)
      for (const target of importsOf(path)) {
        if (
          targets.some(
            to => to !== undefined && target.endsWith(`${to.replace(/^[./]+/, '').replace(/\.js$/, '')}.ts`)
          )
        ) {
          visit(target, [...trail, path])
        }
      }
      done.add(path)
    }
    for (const path of program) visit(path, [])
    expect(cycles).toEqual([])
  })

  it('behavior: src touches neither arguments, environment nor console', () => {
    const touching = program.filter(
      path => folderOf(path) === 'src' && /\bprocess\.(env|argv)\b|\bconsole\./.test(read(path))
    )
    expect(touching).toEqual([])
  })

  it('behavior: the environment is read in one file of the program', () => {
    const reading = program.filter(path => /\bprocess\.env\b/.test(read(path)))
    expect(reading).toEqual(['node/config/environment.ts'])
  })

  it('behavior: no file is longer than one thing', () => {
    const generated = ['src/content/messages.ts', 'src/gossip/messages.ts', 'src/sync/messages.ts']
    const files = sourceFiles(
      ['src', 'node', 'models', 'contracts', 'subgraph', 'test', 'bench'],
      /\.(ts|sol)$/
    )
    const long = files.filter(path => !generated.includes(path) && read(path).split('\n').length > MAX_LINES)
    expect(long).toEqual([])
  })
})
