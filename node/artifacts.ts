import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonFragment } from 'ethers'
import { ProcessError } from '../src/interface/index.js'
import { packageRoot } from './paths.js'

/** A compiled contract. */
export interface Artifact {
  abi: JsonFragment[]
  /** `0x` and hex. */
  bytecode: string
}

/** Reads what the compiler made of contracts/<name>.sol. Throws ProcessError. */
export function readArtifact(name: string): Artifact {
  const path = join(packageRoot, 'contracts', 'build', `${name}.json`)
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Artifact
  } catch (err) {
    throw new ProcessError(`Cannot read the compiled contract ${path}: run \`npm run build\``, { cause: err })
  }
}
