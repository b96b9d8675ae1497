/**
 * Compiles the contracts: `node contracts/compile.ts`.
 *
 * Writes `contracts/build/<Name>.json` ({ contractName, abi, bytecode, deployedBytecode }; empty bytecode for interfaces
 * and abstract contracts), and for the contracts that the node talks to `src/chain/abi/<kebab-name>.ts` with its ABI
 * `as const`. Does nothing where the inputs are those of the last run. Exits 1, with file and line, on any error and
 * on any warning about our own sources. Each file is written whole and then renamed, so two runs at once are safe.
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

interface CompilerMessage {
  severity: 'error' | 'warning' | 'info'
  formattedMessage: string
  sourceLocation?: { file: string; start: number }
}
interface CompiledContract {
  abi: unknown[]
  evm: { bytecode: { object: string }; deployedBytecode: { object: string } }
}
interface CompilerOutput {
  errors?: CompilerMessage[]
  contracts?: Record<string, Record<string, CompiledContract>>
}
interface Compiler {
  compile(
    input: string,
    callbacks: { import: (path: string) => { contents: string } | { error: string } }
  ): string
}
interface Stamp {
  inputsHash: string
  outputs: string[]
}

const contractsDir = dirname(fileURLToPath(import.meta.url))
const rootDir = dirname(contractsDir)
const buildDir = join(contractsDir, 'build')
const abiDir = join(rootDir, 'src', 'chain', 'abi')
const stampFile = join(buildDir, '.stamp.json')
const require = createRequire(import.meta.url)

/** Contracts whose ABIs the node, the command line and the tests use. */
const typedContracts = [
  'EvolvingNFT',
  'ExampleClient',
  'FileModel',
  'ImageToText',
  'Model',
  'Oracle',
  'PromptConditionedTextGeneration',
  'RLAgent',
  'TextConditionalImageGeneration',
  'TextImageJointEmbedding',
  'TextModel',
  'TicTacToe',
  'UnconditionalImageGeneration',
  'WorkerRegistry'
]

/** JobCreated has more fields than the older code generator can keep on the stack; the newer one takes five times as long. */
const newerGenerator = new Set(['contracts/Oracle.sol'])

const settings = {
  optimizer: { enabled: true, runs: 200 },
  // The first with transient storage, which OpenZeppelin's ReentrancyGuardTransient needs. Ethereum has it since March 2024.
  evmVersion: 'cancun',
  // Without the hash of the sources, a changed comment does not change a model's code, which the Oracle approves by its hash.
  metadata: { bytecodeHash: 'none' }
}
const outputs = ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object']

function main(): void {
  const sources = readSources()
  const inputsHash = hashInputs(sources)
  const earlier = readStamp()
  if (earlier?.inputsHash === inputsHash && earlier.outputs.every(path => existsSync(join(rootDir, path))))
    return

  const files = outputFiles(compile(sources))
  for (const [path, text] of files) writeAtomically(path, text)
  const paths = [...files.keys()].map(path => relative(rootDir, path)).sort()
  for (const path of earlier?.outputs ?? []) {
    if (!paths.includes(path)) rmSync(join(rootDir, path), { force: true })
  }
  writeAtomically(stampFile, `${JSON.stringify({ inputsHash, outputs: paths }, null, 2)}\n`)
  console.log(`Compiled ${Object.keys(sources).length} Solidity files`)
}

/** Our own sources by their path from the root (`contracts/Oracle.sol`), sorted. */
function readSources(): Record<string, { content: string }> {
  const names = readdirSync(contractsDir, { recursive: true, encoding: 'utf8' })
  const paths = names.filter(name => name.endsWith('.sol')).map(name => join('contracts', name))
  return Object.fromEntries(
    paths.sort().map(path => [path, { content: readFileSync(join(rootDir, path), 'utf8') }])
  )
}

/** Of all that decides the output. The two packages count by their versions: their files are not ours to change. */
function hashInputs(sources: Record<string, { content: string }>): string {
  const versions = ['solc', '@openzeppelin/contracts'].map(
    name =>
      (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string })
        .version
  )
  const script = readFileSync(fileURLToPath(import.meta.url), 'utf8')
  return createHash('sha256')
    .update(JSON.stringify([versions, script, sources]))
    .digest('hex')
}

/** Undefined where there is none, or none that can be read: then all is built anew. */
function readStamp(): Stamp | undefined {
  if (!existsSync(stampFile)) return undefined
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8')) as Stamp
  } catch (error) {
    console.warn(`Building anew: ${stampFile} cannot be read (${String(error)})`)
    return undefined
  }
}

/** Contracts of our own sources by name. Exits on errors and warnings. */
function compile(sources: Record<string, { content: string }>): Map<string, CompiledContract> {
  const paths = Object.keys(sources)
  const generated = [true, false].map(viaIR =>
    generate(
      sources,
      paths.filter(path => newerGenerator.has(path) === viaIR),
      viaIR
    )
  )
  const contracts = new Map<string, CompiledContract>()
  for (const path of paths) {
    for (const [name, contract] of generated.flatMap(part => Object.entries(part[path] ?? {}))) {
      if (contracts.has(name)) {
        console.error(`${path}: two contracts are named ${name}: give one another name`)
        process.exit(1)
      }
      contracts.set(name, contract)
    }
  }
  return contracts
}

/** Code for the contracts of some of the sources, by path. */
function generate(
  sources: Record<string, { content: string }>,
  paths: string[],
  viaIR: boolean
): NonNullable<CompilerOutput['contracts']> {
  if (paths.length === 0) return {}
  // Loaded only here: it takes about a second.
  const solc = require('solc') as Compiler
  const outputSelection = Object.fromEntries(paths.map(path => [path, { '*': outputs }]))
  const input = { language: 'Solidity', sources, settings: { ...settings, viaIR, outputSelection } }
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport })) as CompilerOutput

  const messages = (output.errors ?? []).filter(message => {
    if (message.severity === 'error') return true
    return message.severity === 'warning' && !message.sourceLocation?.file.startsWith('@openzeppelin/')
  })
  if (messages.length > 0) {
    for (const message of messages) console.error(message.formattedMessage)
    process.exit(1)
  }
  return output.contracts ?? {}
}

function readImport(path: string): { contents: string } | { error: string } {
  try {
    return { contents: readFileSync(require.resolve(path), 'utf8') }
  } catch (error) {
    return { error: `not found in node_modules (${String(error)}): run npm ci` }
  }
}

/** Text by absolute path. */
function outputFiles(contracts: Map<string, CompiledContract>): Map<string, string> {
  const files = new Map<string, string>()
  for (const [contractName, { abi, evm }] of contracts) {
    const artifact = {
      contractName,
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`
    }
    files.set(join(buildDir, `${contractName}.json`), `${JSON.stringify(artifact, null, 2)}\n`)
  }
  const names: string[] = []
  for (const contractName of typedContracts) {
    const contract = contracts.get(contractName)
    if (contract === undefined) {
      console.error(`contracts/compile.ts: there is no contract ${contractName}: correct typedContracts`)
      process.exit(1)
    }
    const kebabName = contractName.replace(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3-$2$4').toLowerCase()
    const constant = `${kebabName.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())}Abi`
    const text = `// Generated by contracts/compile.ts.\nexport const ${constant} = ${JSON.stringify(contract.abi, null, 2)} as const\n`
    files.set(join(abiDir, `${kebabName}.ts`), text)
    names.push(kebabName)
  }
  const errors = new Map(
    [...contracts.values()].flatMap(({ abi }) => abi.filter(isError)).map(e => [JSON.stringify(e), e])
  )
  files.set(
    join(abiDir, 'errors.ts'),
    `// Generated by contracts/compile.ts.\n/** The custom errors of all contracts: one contract passes on what another reverts with. */\nexport const errorsAbi = ${JSON.stringify([...errors.values()], null, 2)} as const\n`
  )
  names.push('errors')
  const index = names.map(name => `export * from './${name}.js'\n`).join('')
  files.set(join(abiDir, 'index.ts'), `// Generated by contracts/compile.ts.\n${index}`)
  return files
}

function isError(entry: unknown): boolean {
  return (entry as { type: string }).type === 'error'
}

function writeAtomically(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${randomUUID()}.tmp`
  writeFileSync(temporary, text)
  renameSync(temporary, path)
}

main()
