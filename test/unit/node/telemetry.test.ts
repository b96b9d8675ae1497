import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { dataFolder } from '../../../models/index.js'
import { createModelCatalog, executorChildModule } from '../../../node/model-catalog.js'
import { childProcessExecutor } from '../../../src/execute/index.js'
import { systemClock } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'

/** Where the runtime's telemetry begins: it opens this file, empty, when the first session is made. */
const traceOf = (pid: number): string => `/tmp/mat-debug-${pid}.log`

// Only on Linux is its place known.
it.runIf(process.platform === 'linux')(
  'behavior: the process that runs models sends nothing to the maker of the runtime',
  async () => {
    const logger = silentLogger()
    const manifests = [join(dataFolder, 'image-to-text')]
    const executor = childProcessExecutor({ childModule: executorChildModule(), childArguments: manifests })({
      logger,
      clock: systemClock
    })
    onTestFinished(() => executor.stop())
    const startedMs = Date.now()
    const before = new Set(childrenOfThis())
    await executor.start()
    const catalog = await createModelCatalog({ manifests, logger })
    await catalog.selfTest(executor, { signal: new AbortController().signal })
    expect(catalog.models()).not.toEqual([])

    const started = childrenOfThis().filter(pid => !before.has(pid))
    expect(started.length).toBeGreaterThan(0)
    // Process ids come again: a file may be left from an earlier process.
    const traces = started.map(pid => statSync(traceOf(pid), { throwIfNoEntry: false }))
    expect(traces.filter(trace => trace !== undefined && trace.mtimeMs >= startedMs)).toEqual([])
  }
)

function childrenOfThis(): number[] {
  return execFileSync('ps', ['-A', '-o', 'ppid=,pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter(line => line.includes('executor-child'))
    .map(line => line.trim().split(/\s+/).map(Number))
    .filter(([parent]) => parent === process.pid)
    .map(([, pid]) => pid as number)
}
