import { readFile, stat } from 'node:fs/promises'
import { parse } from 'graphql'
import type { AnyTask } from '../../models/index.js'
import { ConfigError } from '../../src/interface/index.js'

/** A file of the task's input, or where it lies. */
export type AskInput = { kind: 'content'; bytes: Uint8Array } | { kind: 'location'; location: string }

/** More than any network takes on chain: a wrong path is noticed before the file fills the memory. */
const maxFileBytes = 64 * 1024 * 1024

/** What the flags --input and --prompt say. */
export interface InputFlags {
  input: string | undefined
  prompt: string | undefined
}

/** The flags that a task takes, for people. */
export function inputUsage({ input: { type } }: AnyTask): string {
  switch (type) {
    case 'none':
      return ''
    case 'text':
      return '--prompt <text>'
    case 'text+image':
      return '--prompt <text> --input <picture>'
    case 'game':
      return '--move <x,y>'
    case 'image':
      return '--input <picture>'
    case 'audio':
      return '--input <WAV file>'
    case 'tensor':
    case 'labels':
      return '--input <JSON file>'
  }
}

/** Brings together what a task is asked with. Throws ConfigError for what it does not take, and for what it lacks. */
export async function readTaskInput(task: AnyTask, { input, prompt }: InputFlags): Promise<AskInput> {
  const { type } = task.input
  if (type === 'none') {
    if (input !== undefined || prompt !== undefined) {
      throw new ConfigError(`${task.name} takes neither --input nor --prompt: its seed says what is made`)
    }
    return { kind: 'content', bytes: new Uint8Array() }
  }
  if (type === 'text+image' && prompt !== undefined) {
    return { kind: 'content', bytes: await textAndImage(prompt, input) }
  }
  if (prompt !== undefined) {
    if (type !== 'text' && type !== 'tensor') {
      throw new ConfigError(`--prompt (flag): ${task.name} takes no text: see ${inputUsage(task)}`)
    }
    if (input !== undefined) {
      throw new ConfigError('--prompt and --input (flags): give one of them')
    }
    if (type === 'text' && prompt.trim() === '') {
      throw new ConfigError('--prompt (flag): is empty, and a job is paid for whatever it asks')
    }
    return { kind: 'content', bytes: new TextEncoder().encode(prompt) }
  }
  if (input === undefined) {
    throw new ConfigError(`${task.name} needs ${inputUsage(task)} (see --help)`)
  }
  return input.startsWith('{') ? readBraces(task, input) : readInput(input)
}

/** JSON that was typed where a task takes it; else a GraphQL query, which is no JSON. Throws ConfigError for what is neither. */
function readBraces(task: AnyTask, input: string): AskInput {
  const takesJson = ['tensor', 'labels', 'text+image'].includes(task.input.type)
  if (isJson(input)) {
    if (!takesJson) {
      throw new ConfigError(`--input (flag): is JSON, and ${task.name} takes ${inputUsage(task)}`)
    }
    return { kind: 'content', bytes: new TextEncoder().encode(input) }
  }
  try {
    parse(input)
  } catch (err) {
    const what = takesJson ? 'neither JSON nor a GraphQL query' : 'no GraphQL query'
    throw new ConfigError(`--input (flag): begins with {, and is ${what} (${reasonOf(err)})`, { cause: err })
  }
  return { kind: 'location', location: input }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // That is the answer.
    return false
  }
}

/** The file of a task that takes both, as its codec reads it. */
async function textAndImage(text: string, path: string | undefined): Promise<Uint8Array> {
  const image = path === undefined ? undefined : await readInput(path)
  if (image?.kind === 'location') {
    throw new ConfigError('--input (flag): beside --prompt it must be a file')
  }
  const encoded = image === undefined ? '' : Buffer.from(image.bytes).toString('base64')
  return new TextEncoder().encode(JSON.stringify({ text, image: encoded }))
}

async function readInput(input: string): Promise<AskInput> {
  if (/^(https|ipfs|ar):\/\/|^\{/.test(input)) {
    return { kind: 'location', location: input }
  }
  if (/^[a-z]+:\/\//.test(input)) {
    throw new ConfigError(
      `--input (flag): must be a file, or begin with https://, ipfs:// or ar://, got "${input}"`
    )
  }
  try {
    const { size } = await stat(input)
    if (size > maxFileBytes) {
      throw new RangeError(`it has ${size} bytes, and no network takes that many`)
    }
    return { kind: 'content', bytes: await readFile(input) }
  } catch (err) {
    throw new ConfigError(`--input (flag): cannot read ${input}: ${reasonOf(err)}`, { cause: err })
  }
}

function reasonOf(err: unknown): string {
  if (!(err instanceof Error)) {
    return String(err)
  }
  const code = 'code' in err ? err.code : undefined
  return code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : err.message
}
