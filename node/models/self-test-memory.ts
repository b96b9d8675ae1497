import { createHash } from 'node:crypto'
import { appendFile, mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { arch, cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Which models have passed their self-tests on this machine, so that a worker that starts again need not run them all. What counts
 * is the model, this program's code and the processor: a change of any makes the tests run again.
 */
export interface SelfTestMemory {
  has(cid: string): boolean
  remember(cid: string): Promise<void>
}

/** 10,000 lines of 65 bytes: more models and versions than a machine sees. What is beyond is forgotten. */
const maxLines = 10_000

/** A file that cannot be read or written means only that the tests are run. */
export async function openSelfTestMemory(file: string): Promise<SelfTestMemory> {
  const surroundings = await describeSurroundings()
  const keyOf = (cid: string): string => createHash('sha256').update(`${surroundings}\n${cid}`).digest('hex')
  const known = new Set((await readLines(file)).slice(-maxLines))
  return {
    has: cid => known.has(keyOf(cid)),
    async remember(cid) {
      const key = keyOf(cid)
      known.add(key)
      try {
        await mkdir(dirname(file), { recursive: true })
        // A line is less than a page, so workers that start together do not tear each other's.
        await appendFile(file, `${key}\n`)
      } catch {
        // A home that is read-only is no reason not to serve.
      }
    }
  }
}

async function readLines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n')
  } catch {
    // It does not exist yet, or may not be read.
    return []
  }
}

/** The processor, Node, and the code that runs models, by the sizes and times of its files. */
async function describeSurroundings(): Promise<string> {
  const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
  const code = await Promise.all(
    ['models', 'src/execute', 'src/interface', 'node/models'].map(async folder => {
      const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
      const files = entries.filter(entry => entry.isFile() && /\.(js|ts)$/u.test(entry.name))
      return Promise.all(
        files.map(async ({ parentPath, name }) => {
          const { size, mtimeMs } = await stat(join(parentPath, name))
          return `${join(parentPath, name)} ${size} ${mtimeMs}`
        })
      )
    })
  )
  return [process.version, arch(), cpus()[0]?.model, ...code.flat().toSorted()].join('\n')
}
