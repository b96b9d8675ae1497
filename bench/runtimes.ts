/**
 * `npm run bench:runtimes`: what a run of each model costs natively and as canonical WebAssembly, and whether emulated processors
 * of other kinds get the same output. Flags: --model <name> (repeatable), --runs <n>, --cpu <qemu model> (repeatable), --json.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  createModelRegistry,
  type ManifestDocument,
  type ModelRegistry,
  openModelFiles,
  readTestFile
} from '../models/index.js'
import { forbidTelemetry } from '../node/config/environment.js'
import type { Manifest } from '../src/interface/index.js'
import { median, round } from './statistics.js'

type Kind = Manifest['runtime']['kind']

interface Measured {
  /** SHA-256 of the output as a file. */
  outputHash: string
  /** Of the loading, and of the runs after the first: in milliseconds. */
  loadMs: number
  runMs: number
}

const kinds: Kind[] = ['native', 'canonical']
/** With AVX2, and without any AVX: native code takes other paths. */
const defaultCpus = ['Haswell', 'Nehalem']
/** An emulated processor is fifty times slower, and compiles the WebAssembly first. */
const emulatedTimeoutMs = 30 * 60_000

const { values } = parseArgs({
  options: {
    model: { type: 'string', multiple: true },
    runs: { type: 'string', default: '5' },
    cpu: { type: 'string', multiple: true, default: defaultCpus },
    json: { type: 'boolean', default: false },
    /** One runtime, in this process: what the emulated processor runs. */
    one: { type: 'string' }
  }
})

forbidTelemetry()
// A manifest that is being worked on is no reason to stop.
const registry = await createModelRegistry({ onFault: () => undefined })
const documents = registry
  .manifests()
  .filter(({ manifest }) => values.model === undefined || values.model.includes(manifest.name))
const runs = Number(values.runs)

if (values.one !== undefined) {
  for (const document of documents) {
    const measured = await measure(registry, document, values.one as Kind, runs)
    console.log(JSON.stringify({ model: document.manifest.name, ...measured }))
  }
} else {
  await compare()
}

async function compare(): Promise<void> {
  const machine = { cpu: cpus()[0]?.model, loadBefore: round(loadavg()[0] ?? 0, 2), node: process.version }
  const models: Record<string, unknown>[] = []
  for (const document of documents) {
    const { name } = document.manifest
    const here: Partial<Record<Kind, Measured>> = {}
    const emulated: Record<string, Partial<Record<Kind, Measured | string>>> = {}
    for (const kind of kinds) {
      here[kind] = await measure(registry, document, kind, runs)
      for (const cpu of values.cpu) {
        emulated[cpu] = { ...emulated[cpu], [kind]: emulate(cpu, name, kind) }
      }
    }
    const agree = (kind: Kind): boolean | null => {
      const answers = values.cpu.map(cpu => emulated[cpu]?.[kind])
      return answers.some(answer => typeof answer === 'string')
        ? null
        : answers.every(answer => (answer as Measured).outputHash === here[kind]?.outputHash)
    }
    const row = {
      model: name,
      here,
      emulated,
      agree: { native: agree('native'), canonical: agree('canonical') }
    }
    models.push(row)
    if (!values.json) {
      console.log(describe(name, here, row.agree))
    }
  }
  if (values.json) {
    console.log(JSON.stringify({ machine, emulated: values.cpu, models }))
  }
}

function describe(
  name: string,
  here: Partial<Record<Kind, Measured>>,
  agree: Record<Kind, boolean | null>
): string {
  const words = (same: boolean | null): string =>
    same === null ? 'not compared' : same ? 'the same on all processors' : 'differs between processors'
  const [native, canonical] = [here.native?.runMs ?? 0, here.canonical?.runMs ?? 0]
  return `${name.padEnd(20)} native ${native.toFixed(1)} ms (${words(agree.native)}), canonical ${canonical.toFixed(1)} ms, ${(canonical / native).toFixed(1)} times (${words(agree.canonical)})`
}

async function measure(
  { architecture, task }: ModelRegistry,
  document: ManifestDocument,
  kind: Kind,
  count: number
): Promise<Measured> {
  const manifest: Manifest = { ...document.manifest, runtime: { kind, threads: 1, optimisation: 'all' } }
  const { input: codec, output } = task(manifest.task)
  const [vector] = manifest.testVectors
  if (vector === undefined) {
    throw new Error(`The model ${manifest.name} has no test vector`)
  }
  const input = codec.fromContent(await readTestFile(document, vector.input))
  const bytesOf = (hex: string): Uint8Array => Buffer.from(hex.slice(2), 'hex')
  const context = { reads: (vector.reads ?? []).map(bytesOf) }
  const files = await openModelFiles(document)
  const code = await architecture(manifest.task, manifest.architecture)
  const startMs = performance.now()
  const model = await code.load(manifest, files)
  const loadMs = performance.now() - startMs
  const times: number[] = []
  let content = new Uint8Array()
  for (let run = 0; run <= count; run++) {
    const runStartMs = performance.now()
    content = new Uint8Array(output.toContent(await model.run(input, bytesOf(vector.seed), context)).bytes)
    times.push(performance.now() - runStartMs)
  }
  await model.close()
  // The first run allocates; only where it is the only one does it count.
  const runMs = median(times.length > 1 ? times.slice(1) : times)
  const outputHash = createHash('sha256').update(content).digest('hex')
  return { outputHash, loadMs: round(loadMs, 1), runMs: round(runMs, 2) }
}

/** The same on an emulated processor; or why it was not done. */
function emulate(cpu: string, model: string, kind: Kind): Measured | string {
  const { status, stdout, error, signal } = spawnSync(
    'qemu-x86_64',
    [
      '-cpu',
      cpu,
      process.execPath,
      fileURLToPath(import.meta.url),
      '--one',
      kind,
      '--model',
      model,
      '--runs',
      '0'
    ],
    { encoding: 'utf8', timeout: emulatedTimeoutMs, stdio: ['ignore', 'pipe', 'ignore'] }
  )
  if (error !== undefined) {
    return `qemu-x86_64 cannot be run (Debian: package qemu-user): ${error.message}`
  }
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  return status === 0 && line !== '' ? (JSON.parse(line) as Measured) : `it ended with ${signal ?? status}`
}
