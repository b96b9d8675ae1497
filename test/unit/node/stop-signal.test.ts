import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'

it('behavior: the first Ctrl+C asks for a graceful stop, and says how long it may take; the second ends at once', async () => {
  const child = spawn(
    process.execPath,
    ['--no-warnings', join(import.meta.dirname, 'fixtures/slow-stop.mjs')],
    {
      stdio: ['ignore', 'pipe', 'inherit']
    }
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string | undefined> => (await lines.next()).value

  expect(await next()).toBe('ready')
  child.kill('SIGINT')
  expect(await next()).toMatch(/stopping the node, for up to 10 s \(Ctrl\+C again ends it at once\)/)
  // It has begun to stop, and takes for ever.
  expect(await next()).toBe('stopping')
  child.kill('SIGINT')
  // Not 1, with which it ends by itself when the time is over.
  expect(await closed).toEqual([130, null])
})
