import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const run = promisify(execFile)

/** A copy of the sources, so that the build which other tests read is left alone. */
let copy: string
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'buffalo-compile-'))
  mkdirSync(join(copy, 'contracts'))
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  for (const name of ['compile.ts', 'IWorkerRegistry.sol', 'WorkerRegistry.sol']) {
    cpSync(join(root, 'contracts', name), join(copy, 'contracts', name))
  }
  const script = join(copy, 'contracts', 'compile.ts')
  // One small contract, because each real run takes the compiler's time.
  const text = readFileSync(script, 'utf8').replace(
    /typedContracts = \[[^\]]*\]/,
    "typedContracts = ['WorkerRegistry']"
  )
  writeFileSync(script, text)
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
})
afterAll(() => rmSync(copy, { recursive: true }))

const compile = () => run(process.execPath, ['contracts/compile.ts'], { cwd: copy })
const written = (path: string) => statSync(join(copy, path)).mtimeMs

describe('behavior: the build of the contracts', () => {
  test('behavior: two builds at once leave whole files and no others; a build with nothing to do writes nothing', async () => {
    await Promise.all([compile(), compile()])
    expect(readdirSync(join(copy, 'contracts/build')).sort()).toEqual([
      '.stamp.json',
      'IWorkerRegistry.json',
      'WorkerRegistry.json'
    ])
    expect(readdirSync(join(copy, 'src/chain/abi')).sort()).toEqual([
      'errors.ts',
      'index.ts',
      'worker-registry.ts'
    ])
    const artifact = JSON.parse(readFileSync(join(copy, 'contracts/build/WorkerRegistry.json'), 'utf8'))
    expect(artifact).toMatchObject({ contractName: 'WorkerRegistry', abi: expect.any(Array) })
    expect(artifact.bytecode).toMatch(/^0x60/)

    const before = written('contracts/build/WorkerRegistry.json')
    expect((await compile()).stdout).toBe('')
    expect(written('contracts/build/WorkerRegistry.json')).toBe(before)

    rmSync(join(copy, 'src/chain/abi/worker-registry.ts'))
    expect((await compile()).stdout).toContain('Compiled')
    expect(readFileSync(join(copy, 'src/chain/abi/worker-registry.ts'), 'utf8')).toContain(
      'workerRegistryAbi = ['
    )
  })

  test('behavior: an error or a warning ends with 1 and names file and line; what no source makes any more is removed', async () => {
    const extra = join(copy, 'contracts', 'Extra.sol')
    const source = (body: string) =>
      `// SPDX-License-Identifier: MIT\npragma solidity ^0.8.28;\ncontract Extra {\n${body}\n}\n`
    writeFileSync(extra, source('uint256 public x = "text";'))
    await expect(compile()).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/contracts\/Extra\.sol:4/)
    })
    writeFileSync(extra, source('function f() external { uint256 unused = 1; }'))
    await expect(compile()).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Warning[^]*Extra\.sol:4/)
    })
    writeFileSync(extra, source('uint256 public x;'))
    await compile()
    expect(readdirSync(join(copy, 'contracts/build'))).toContain('Extra.json')
    rmSync(extra)
    await compile()
    expect(readdirSync(join(copy, 'contracts/build'))).not.toContain('Extra.json')
  })
})
