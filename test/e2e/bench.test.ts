import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { root } from '../unit/project/source-files.js'

const run = promisify(execFile)
/** Some seconds on a machine of its own. */
const TIMEOUT_MS = 100_000
const program = join(root, 'dist/bench/main.js')

/** Exit code 1 means that a mark was missed, which says nothing of the code on a machine that is shared. */
async function bench(args: string[]): Promise<{ stdout: string }> {
  try {
    return await run(process.execPath, [program, ...args], { timeout: TIMEOUT_MS })
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 1 && 'stdout' in err)
      return { stdout: String(err.stdout) }
    throw err
  }
}

describe('the benchmark', () => {
  it(
    'behavior: every job of a short run is done, once, and the report is one JSON object',
    async () => {
      const args = [
        '--json',
        '--only',
        'buffalo',
        '--runs',
        '1',
        '--round-trips',
        '20',
        '--jobs',
        '100',
        '--warm-up',
        '300'
      ]
      const { stdout } = await bench([...args, '--in-flight', '20'])
      const report = JSON.parse(stdout)
      expect(report.buffalo).toMatchObject({ jobs: 420, executionsPerJob: 1 })
      expect(report.buffalo.roundTripMs.p50).toBeGreaterThan(0)
      expect(report.celery).toBeNull()
    },
    TIMEOUT_MS + 20_000
  )

  it('behavior: --help says what it measures and how it is called', async () => {
    const { stdout } = await bench(['--help'])
    expect(stdout).toContain('npm run bench -- --json')
  })
})
