#!/usr/bin/env node
// Nothing is imported here: an old Node must reach the version check, and crash on nothing before it.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 12)) {
  const code = 'BUFFALO_ERR_NODE_TOO_OLD'
  const message = `buffalo-node needs Node.js 22.12 or later, and this is ${process.versions.node}: install a newer one, or run it with npx from a checkout of the project`
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ ok: false, error: { code, message } })}\n`)
  }
  process.stderr.write(`error: ${message} [${code}]\n`)
  process.exitCode = 1
} else {
  const { main } = await import('./cli.js')
  await main(process.argv.slice(2))
}
