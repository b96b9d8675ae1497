import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ip, namedNamespaces } from '../../node/testnet/chaos/iproute.js'
import { prepareLinks } from '../../node/testnet/chaos/links.js'
import { namespacePrefix } from '../../node/testnet/chaos/namespace-owner.js'
import { createNamespaces, type Namespaces } from '../../node/testnet/chaos/namespaces.js'

/** Where they cannot be had, `prepareLinks` falls back, and there is nothing to test. */
const trial = await prepareLinks(undefined, ['trial'])
trial.namespaces?.stop()

async function namespaces(...nodes: string[]): Promise<Namespaces> {
  const made = await createNamespaces(nodes)
  onTestFinished(() => made.stop())
  return made
}

/** A script of Node in a node's namespace; its lines. */
function run(
  command: string[],
  script: string
): { child: ChildProcess; line(pattern: RegExp): Promise<string> } {
  const [program = '', ...args] = [...command, process.execPath, '-e', script]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line)
    for (const look of waiting) look()
  })
  return {
    child,
    line: pattern =>
      new Promise(resolve => {
        const look = (): void => {
          const index = lines.findIndex(line => pattern.test(line))
          if (index < 0) return
          waiting.delete(look)
          resolve(lines.splice(0, index + 1).at(-1) ?? '')
        }
        waiting.add(look)
        look()
      })
  }
}

const echo = (address: string): string =>
  `require('node:net').createServer(s => s.pipe(s)).listen(0, '${address}', function () { console.log(this.address().port) })`
/** Says every line that comes back, and whatever becomes of the connection. */
const talk = (address: string, port: string): string => `
  const socket = require('node:net').connect(${port}, '${address}', () => console.log('connected'))
  let count = 0
  setInterval(() => socket.write(count++ + ' '), 20)
  socket.on('data', data => console.log('echo', String(data)))
  socket.on('error', err => console.log('error', err.code))
  socket.on('close', () => console.log('closed'))`
/**
 * How a new connection ends: `silence` if nothing is heard in half a second. What came while the process itself stood still is read
 * before that is said.
 */
const knock = (address: string, port: string): string => `
  const socket = require('node:net').connect(${port}, '${address}')
  for (const how of ['connect', 'error']) socket.on(how, err => { console.log(err ? err.code : how); process.exit() })
  setTimeout(() => setImmediate(() => { console.log('silence'); process.exit() }), 500)`

describe.runIf(trial.kind === 'namespaces')('nodes in network namespaces', () => {
  it('behavior: a cut is silent: nobody is told, connections stay, and go on when it is healed; others are untouched', async () => {
    const net = await namespaces('a', 'b', 'c')
    const [a, b, c] = [net.place('a'), net.place('b'), net.place('c')]
    const port = await run(a.command, echo(a.address)).line(/^\d+$/)
    const talking = run(b.command, talk(a.address, port))
    await talking.line(/^echo/)

    net.cut('b', 'a')
    expect(await run(b.command, knock(a.address, port)).line(/./)).toBe('silence')
    expect(await run(c.command, knock(a.address, port)).line(/./)).toBe('connect')
    net.heal('a', 'b')
    expect(await talking.line(/^(echo .*\d{2}|error|closed)/)).toMatch(/^echo/)
    expect(await run(b.command, knock(a.address, port)).line(/./)).toBe('connect')
  })

  it('behavior: this process is reached and reaches them, and nothing else is: there is no way out', async () => {
    const net = await namespaces('a')
    const { address, command } = net.place('a')
    const server = createServer(socket => socket.destroy()).listen(0, net.host)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    expect(await run(command, knock(net.host, String(port))).line(/./)).toBe('connect')
    const own = await run(command, echo(address)).line(/^\d+$/)
    expect(await run([], knock(address, own)).line(/./)).toBe('connect')
    // lo is up; an address that nobody may use on the internet, behind the default route of most machines.
    const local = await run(command, echo('127.0.0.1')).line(/^\d+$/)
    expect(await run(command, knock('127.0.0.1', local)).line(/./)).toBe('connect')
    expect(await run(command, knock('203.0.113.1', '9')).line(/./)).toBe('ENETUNREACH')
  })

  it('behavior: two at once have addresses of their own, and a stop leaves nothing behind', async () => {
    const before = namedNamespaces()
    const [first, second] = await Promise.all([namespaces('a', 'b'), namespaces('a', 'b')])
    expect(first.host).not.toBe(second.host)
    expect(first.place('a').address).not.toBe(second.place('a').address)
    const own = namedNamespaces().filter(name => name.startsWith(namespacePrefix()) && !before.includes(name))
    expect(own).toHaveLength(6)
    for (const { stop } of [first, second, first]) stop()
    expect(namedNamespaces().filter(name => own.includes(name))).toEqual([])
    expect(ip(['-oneline', 'address', 'show'])).not.toContain(first.host)
  })

  it('behavior: what a process that was killed left behind is removed by the next, and what belongs to a living one is not', async () => {
    const [killed, living] = [run([], 'setInterval(() => {}, 1e6)'), run([], 'setInterval(() => {}, 1e6)')]
    const left = `${namespacePrefix(killed.child.pid)}-1hub`
    const kept = `${namespacePrefix(living.child.pid)}-1hub`
    for (const name of [left, kept]) ip(['netns', 'add', name])
    onTestFinished(() => void ip(['netns', 'delete', kept]))
    const ended = once(killed.child, 'exit')
    killed.child.kill('SIGKILL')
    await ended

    await namespaces('a')
    expect(namedNamespaces()).not.toContain(left)
    expect(namedNamespaces()).toContain(kept)
  })

  it('behavior: a node that was left standing still in an abandoned namespace is let go on', async () => {
    const owner = run([], 'setInterval(() => {}, 1e6)')
    const name = `${namespacePrefix(owner.child.pid)}-1n1`
    ip(['netns', 'add', name])
    const node = run(
      ['ip', 'netns', 'exec', name],
      `process.on('SIGCONT', () => console.log('on')); setInterval(() => {}, 1e6); console.log('up')`
    )
    await node.line(/up/)
    node.child.kill('SIGSTOP')
    const ended = once(owner.child, 'exit')
    owner.child.kill('SIGKILL')
    await ended
    await namespaces('a')
    expect(await node.line(/on/)).toBe('on')
  })
})
