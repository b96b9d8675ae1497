import { beforeAll, expect, it } from 'vitest'
import type { ModelRegistry } from '../../../models/index.js'
import { readTaskInput } from '../../../node/client/task-input.js'
import { readTasks } from '../../../node/client/task-registry.js'
import { ConfigError } from '../../../src/interface/index.js'

let registry: ModelRegistry
beforeAll(async () => {
  registry = await readTasks()
})

const read = (task: string, input?: string, prompt?: string) =>
  readTaskInput(registry.task(task), { input, prompt })

it('behavior: JSON that is typed is the input itself, and checked as such before it is paid for', async () => {
  const input = '{"inputs":[]}'
  expect(await read('tensor', input)).toEqual({ kind: 'content', bytes: new TextEncoder().encode(input) })
  await expect(read('image-to-text', input)).rejects.toThrow(
    'is JSON, and image-to-text takes --input <picture>'
  )
})

it('behavior: a GraphQL query is a location; what is none is refused before it is paid for', async () => {
  const query = '{ jobs(first: 1) { id } }'
  for (const task of ['tensor', 'text-generation', 'image-to-text']) {
    expect(await read(task, query)).toEqual({ kind: 'location', location: query })
    await expect(read(task, '{ jobs( }'), task).rejects.toThrow(ConfigError)
  }
  await expect(read('tensor', '{"inputs":[}')).rejects.toThrow('neither JSON nor a GraphQL query')
})

it('behavior: an empty prompt is not paid for', async () => {
  for (const prompt of ['', ' \n']) {
    await expect(read('text-generation', undefined, prompt)).rejects.toThrow('--prompt (flag): is empty')
  }
})
