import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's directory: from the built program, two or three levels up, and from its sources one less. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)))

/** The built program, which the local network starts as processes of their own. */
export const programPath = join(packageRoot, 'dist', 'node', 'bin.js')

/** Of this program, as its package says. */
export function packageVersion(): string {
  const content = readFileSync(join(packageRoot, 'package.json'), 'utf8')
  return (JSON.parse(content) as { version: string }).version
}

function findPackageRoot(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : findPackageRoot(dirname(directory))
}
