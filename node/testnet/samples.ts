import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { packageRoot } from '../paths.js'

/** A picture of the local network, and the text that it shows. */
export interface Sample {
  file: string
  bytes: Uint8Array
  expected: string
}

const folder = join(packageRoot, 'node', 'testnet', 'samples')

/** All pictures with text, in the order of samples.json. */
export async function loadSamples(): Promise<Sample[]> {
  const content: unknown = JSON.parse(await readFile(join(folder, 'samples.json'), 'utf8'))
  const texts = Object.entries(z.record(z.string(), z.string()).parse(content)).filter(
    ([, text]) => text !== ''
  )
  return Promise.all(
    texts.map(async ([file, expected]) => ({ file, expected, bytes: await readFile(join(folder, file)) }))
  )
}
