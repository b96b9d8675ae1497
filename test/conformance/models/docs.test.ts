import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../node/paths.js'
import { temporaryDirectory } from '../../helpers/node-process.js'

/*
 * docs/models.md, followed word for word: a fence with a path is written to that file, each line of a `sh` fence is typed into a
 * shell, and each line of a `text` fence must be part of what the commands before it printed. `sh checkout` is typed in a copy of the
 * repository.
 */

interface Fence {
  language: string
  about: string
  lines: string[]
}

function fencesOf(page: string): Fence[] {
  return [...page.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gmu)].map(
    ([, language = '', about = '', body = '']) => ({
      language,
      about,
      lines: body.trimEnd().split('\n')
    })
  )
}

/** A shell in which `npx buffalo-node` is the built program. */
async function type(line: string, cwd: string, root: string): Promise<string> {
  const tools = join(cwd, '.tools')
  mkdirSync(tools, { recursive: true })
  const npx = join(tools, 'npx')
  writeFileSync(
    npx,
    `#!/bin/sh\n[ "$1" = buffalo-node ] || exit 97\nshift\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(root, 'dist/node/bin.js'))} "$@"\n`
  )
  chmodSync(npx, 0o755)
  const env = {
    HOME: cwd,
    PATH: [tools, join(packageRoot, 'node_modules/.bin'), process.env.PATH].join(':')
  }
  const shell = spawn('sh', ['-ec', line], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  shell.stdout.on('data', chunk => {
    output.stdout += chunk
  })
  shell.stderr.on('data', chunk => {
    output.stderr += chunk
  })
  const [code] = await once(shell, 'close')
  expect({ line, code, stderr: code === 0 ? '' : output.stderr }).toEqual({ line, code: 0, stderr: '' })
  return output.stdout
}

/** A copy of the sources as they are here, with what has been built. */
function copyOfCheckout(): string {
  const root = temporaryDirectory()
  for (const name of [
    'models',
    'src',
    'node',
    'bench',
    'dist',
    'contracts',
    'package.json',
    'tsconfig.json'
  ]) {
    // Times are kept: the compiler sees that nothing has changed.
    cpSync(join(packageRoot, name), join(root, name), {
      recursive: true,
      preserveTimestamps: true,
      filter: source => basename(dirname(source)) !== 'contracts' || basename(source) !== 'build'
    })
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'))
  return root
}

test('docs/models.md: your own model, and your own architecture, by the page alone', async () => {
  const fences = fencesOf(readFileSync(join(packageRoot, 'docs/models.md'), 'utf8'))
  expect(fences.map(({ language }) => language)).toContain('sh')
  const folder = temporaryDirectory()
  let checkout: string | undefined
  let printed = ''
  for (const { language, about, lines } of fences) {
    if (language === 'json') {
      writeFileSync(join(folder, about), `${lines.join('\n')}\n`)
    } else if (language === 'sh') {
      checkout ??= about === 'checkout' ? copyOfCheckout() : undefined
      printed = ''
      for (const line of lines) {
        printed += await type(line, checkout ?? folder, checkout ?? packageRoot)
      }
    } else {
      for (const line of lines) {
        expect(printed).toContain(line)
      }
    }
  }
}, 240_000)
