/**
 * Builds the subgraph: `node subgraph/build.ts`, after `node contracts/compile.ts`.
 *
 * Writes `subgraph/abis`, `subgraph/generated` (graph codegen) and `subgraph/build` (graph build: manifest, schema, ABIs and
 * the mapping as WASM). Needs no network. Does nothing where the inputs are those of the last run. All of it is made in a
 * folder of its own and then renamed, so two runs at once are safe. Exits 1 with the tool's own output on any error.
 */
import { spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const subgraphDir = dirname(fileURLToPath(import.meta.url))
const rootDir = dirname(subgraphDir)
const contractsBuildDir = join(rootDir, 'contracts', 'build')
const stampFile = join(subgraphDir, 'build', '.stamp')
const require = createRequire(import.meta.url)

/** The contracts whose events are indexed. */
const contractNames = ['Oracle', 'WorkerRegistry']
const outputs = ['abis', 'generated', 'build']

class BuildError extends Error {}

function readAbi(name: string): string {
  const file = join(contractsBuildDir, `${name}.json`)
  if (!existsSync(file)) {
    throw new BuildError(`${relative(rootDir, file)} is missing: run "node contracts/compile.ts" first`)
  }
  const artifact = JSON.parse(readFileSync(file, 'utf8')) as { abi?: unknown }
  if (!Array.isArray(artifact.abi)) {
    throw new BuildError(`${relative(rootDir, file)} holds no ABI: run "node contracts/compile.ts" again`)
  }
  return `${JSON.stringify(artifact.abi, null, 2)}\n`
}

function sourceFiles(): string[] {
  const mappings = readdirSync(join(subgraphDir, 'src')).filter(name => name.endsWith('.ts'))
  return ['schema.graphql', 'subgraph.yaml', ...mappings.sort().map(name => join('src', name))]
}

function packageVersion(name: string): string {
  const { version } = JSON.parse(readFileSync(join(rootDir, 'node_modules', name, 'package.json'), 'utf8'))
  return `${name}@${version}`
}

function inputsHash(abis: Map<string, string>): string {
  const hash = createHash('sha256')
  const add = (name: string, content: string) => hash.update(`${name}\0${content.length}\0${content}\0`)
  for (const [name, abi] of abis) add(name, abi)
  for (const file of [...sourceFiles(), 'build.ts']) add(file, readFileSync(join(subgraphDir, file), 'utf8'))
  for (const name of ['@graphprotocol/graph-cli', '@graphprotocol/graph-ts']) add(name, packageVersion(name))
  return hash.digest('hex')
}

function graph(cwd: string, args: string[]): void {
  const cliDir = dirname(require.resolve('@graphprotocol/graph-cli/package.json'))
  const result = spawnSync(process.execPath, [join(cliDir, 'bin', 'run.js'), ...args], {
    cwd,
    encoding: 'utf8',
    // Without it the tool asks the registry for its newest version.
    env: { ...process.env, GRAPH_SKIP_NEW_VERSION_CHECK: 'true', NO_COLOR: '1' }
  })
  if (result.error !== undefined)
    throw new BuildError(`graph ${args[0]} could not be run: ${result.error.message}`)
  if (result.status !== 0) {
    throw new BuildError(`graph ${args.join(' ')} failed:\n${result.stdout}${result.stderr}`.trimEnd())
  }
}

/** Puts `from` in the place of `to`, whatever another run does at the same time. */
function replaceDir(from: string, to: string): void {
  for (let attempt = 0; ; attempt++) {
    if (existsSync(to)) {
      const old = `${from}.old`
      try {
        renameSync(to, old)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
      rmSync(old, { recursive: true, force: true })
    }
    try {
      renameSync(from, to)
      return
    } catch (error) {
      // Another run put its own there between the two renames.
      const code = (error as NodeJS.ErrnoException).code ?? ''
      if (!['EEXIST', 'ENOTEMPTY'].includes(code) || attempt === 9) throw error
    }
  }
}

function build(): void {
  const abis = new Map(contractNames.map(name => [name, readAbi(name)]))
  const hash = inputsHash(abis)
  const upToDate =
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === hash &&
    outputs.every(name => existsSync(join(subgraphDir, name)))
  if (upToDate) return

  // Beside the sources, so that the compiler finds node_modules above it.
  const workDir = join(subgraphDir, `.build-${randomUUID()}`)
  try {
    mkdirSync(join(workDir, 'abis'), { recursive: true })
    for (const [name, abi] of abis) writeFileSync(join(workDir, 'abis', `${name}.json`), abi)
    for (const name of ['schema.graphql', 'subgraph.yaml', 'src']) {
      cpSync(join(subgraphDir, name), join(workDir, name), { recursive: true })
    }
    graph(workDir, ['codegen'])
    graph(workDir, ['build'])
    writeFileSync(join(workDir, 'build', '.stamp'), hash)
    for (const name of outputs) replaceDir(join(workDir, name), join(subgraphDir, name))
  } finally {
    rmSync(workDir, { recursive: true, force: true })
  }
}

try {
  build()
} catch (error) {
  if (!(error instanceof BuildError)) throw error
  process.stderr.write(`subgraph/build.ts: ${error.message}\n`)
  process.exitCode = 1
}
