#!/usr/bin/env -S node --max-semi-space-size=16
// The flag keeps V8's young generation at 48 MB: by itself it takes twice that after a burst of messages, and keeps it. It can be
// set by the command line alone, as V8 reads it before any code runs.
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
