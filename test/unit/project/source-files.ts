import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/** Paths, relative to the root, of what git tracks (or would) under some folders. */
export function sourceFiles(folders: string[], ending: RegExp): string[] {
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', ...folders],
    {
      cwd: root,
      encoding: 'utf8'
    }
  )
  return listed.split('\n').filter(path => ending.test(path))
}

export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Paths, relative to the root, of the files of this project that a file imports. */
export function importsOf(path: string): string[] {
  const text = read(path)
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(([, target = '']) =>
    relative(root, join(root, dirname(path), target)).replace(/\.js$/, '.ts')
  )
}
