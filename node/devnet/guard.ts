/**
 * Runs a program that must not outlive the process that asked for it: `guard.js <program> <arguments…>`, forked with
 * an IPC channel. When the channel closes, even by `kill -9`, the program is killed. In a session of its own, so that
 * Ctrl+C on the terminal reaches its owner only, which ends it in the right order.
 */
import { spawn } from 'node:child_process'

const [command, ...args] = process.argv.slice(2)
if (command === undefined || process.send === undefined) {
  process.stderr.write('guard: usage: forked with an IPC channel, with a program and its arguments\n')
  process.exit(2)
}
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })

const end = (): void => {
  child.kill('SIGKILL')
}
child.on('error', err => {
  process.stderr.write(`guard: cannot start ${command}: ${err.message}\n`)
  process.exit(1)
})
child.on('exit', code => process.exit(code ?? 1))
process.on('disconnect', end)
process.on('SIGINT', end)
process.on('SIGTERM', end)
process.on('exit', end)
