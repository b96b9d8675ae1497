import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const subgraphDir = fileURLToPath(new URL('../../../subgraph', import.meta.url))
const cliDir = dirname(createRequire(import.meta.url).resolve('@graphprotocol/graph-cli/package.json'))

describe('the subgraph as graph-cli builds it', () => {
  // Beside the sources, where graph-ts is found; the name is one that git ignores.
  const dir = mkdtempSync(join(subgraphDir, '.build-'))
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  function graph(...args: string[]) {
    const env = { ...process.env, GRAPH_SKIP_NEW_VERSION_CHECK: 'true' }
    const run = spawnSync(process.execPath, [join(cliDir, 'bin', 'run.js'), ...args], {
      cwd: dir,
      env,
      encoding: 'utf8'
    })
    expect(`${run.stdout}${run.stderr}`).not.toMatch(/error/i)
    expect(run.status).toBe(0)
  }

  it('behavior: codegen and build pass, for a network of networks.json, and give the mapping that the runner runs', () => {
    for (const name of ['abis', 'src', 'schema.graphql', 'subgraph.yaml', 'networks.json']) {
      cpSync(join(subgraphDir, name), join(dir, name), { recursive: true })
    }
    graph('codegen')
    graph('build', '--network', 'sepolia')
    for (const file of ['Oracle/Oracle.wasm', 'WorkerRegistry/WorkerRegistry.wasm']) {
      expect(
        readFileSync(join(dir, 'build', file)).equals(readFileSync(join(subgraphDir, 'build', file)))
      ).toBe(true)
    }
    expect(readFileSync(join(dir, 'build', 'subgraph.yaml'), 'utf8')).toContain('network: sepolia')
  })
})
