#!/usr/bin/env node
// Nothing is imported here: an old Node must reach the version check, and crash on nothing before it.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `buffalo-node needs Node.js 22.12 or later, and this is ${process.versions.node}: install a newer one, or run it with npx from a checkout of the project\n`
  )
  process.exitCode = 1
} else {
  const { main } = await import('./cli.js')
  await main(process.argv.slice(2))
}
