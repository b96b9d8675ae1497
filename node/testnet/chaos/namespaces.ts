import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { ProcessError } from '../../../src/interface/index.js'
import { hasLink, ip, ipBatch, namedNamespaces, routedNetworks } from './iproute.js'
import { isAbandoned, namespacePrefix } from './namespace-owner.js'
import { choosePrivateRange } from './private-range.js'

/** Where a node's process lives. */
export interface Place {
  /** Its IPv4 address, which it must listen on. */
  address: string
  /** What its command line is put behind. The process id stays that of the node: `ip netns exec` becomes it. */
  command: string[]
}

/** Nodes of one trial, each in a network namespace of its own. */
export interface Namespaces {
  /** This process's address, as the nodes see it. */
  readonly host: string
  place(node: string): Place
  /** From now on packets between two nodes vanish without a word, both ways. */
  cut(a: string, b: string): void
  heal(a: string, b: string): void
  /** Removes all. Processes in it lose their network. Safe to repeat. */
  stop(): void
}

/** Of the last byte: nodes have 1 to 250, as many as `testnet` may have. */
const hostByte = 253
const hubByte = 254
/** Two processes that chose one range: by lot, the next differs. */
const rangeTries = 5
/** A process of Node starts in a tenth of a second, on a busy machine in some seconds. */
const probeTimeoutMs = 15_000

/** Runs of this process, which may be several at once. */
let runs = 0

/**
 * Gives each node a network namespace with one link (veth) to a hub, a namespace that only passes packets on: between nodes, and
 * between them and this process. No namespace has a way out of the machine. A cut is two rules of the hub's routing policy
 * that drop the packets of a pair, so that neither side is told, as with a cable that is pulled out somewhere between them.
 *
 * Removes what processes that were killed have left. Its own is removed by `stop`, and when this process exits.
 *
 * Throws ProcessError where that cannot be had, and leaves nothing: not Linux, not root, no `ip`, a container that forbids it, a
 * firewall between namespaces and host.
 */
export async function createNamespaces(
  nodes: string[],
  random: () => number = Math.random
): Promise<Namespaces> {
  if (process.platform !== 'linux') throw new ProcessError('There are network namespaces on Linux only')
  if (process.getuid?.() !== 0) throw new ProcessError('Only root can make network namespaces')
  removeAbandoned()

  const prefix = `${namespacePrefix()}-${++runs}`
  const hub = `${prefix}hub`
  const names = new Map(
    nodes.map((node, index) => [node, { name: `${prefix}n${index + 1}`, byte: index + 1 }])
  )
  const made: string[] = []
  let hostLink: string | undefined

  function remove(): void {
    // The link's other end lies in the hub and goes with it, but some time after.
    if (hostLink !== undefined && hasLink(hostLink)) ip(['link', 'delete', hostLink])
    hostLink = undefined
    const left = new Set(namedNamespaces())
    for (const name of made.filter(one => left.has(one))) ip(['netns', 'delete', name])
    made.length = 0
    // Only now: what failed is tried once more at the end.
    process.off('exit', remove)
  }

  function make(name: string): void {
    made.push(name)
    ip(['netns', 'add', name])
    ipBatch(name, ['link set lo up'])
  }

  /** The name of the link claims the range among all trials of the machine: there cannot be two. */
  function linkHost(): string {
    for (let left = rangeTries; ; left--) {
      const range = choosePrivateRange(routedNetworks(), random)
      const link = `bf-${range.replaceAll('.', '-')}`
      try {
        ip(['link', 'add', link, 'type', 'veth', 'peer', 'name', 'host', 'netns', hub])
      } catch (err) {
        if (left === 0) throw err
        continue
      }
      hostLink = link
      return range
    }
  }

  function addressOf(node: string): string {
    return `${range}.${placeOf(node).byte}`
  }

  function placeOf(node: string): { name: string; byte: number } {
    const found = names.get(node)
    if (found === undefined) throw new ProcessError(`There is no namespace for ${node}`)
    return found
  }

  const rules = (action: 'add' | 'del', a: string, b: string): void =>
    ipBatch(hub, [
      `rule ${action} from ${addressOf(a)} to ${addressOf(b)} blackhole`,
      `rule ${action} from ${addressOf(b)} to ${addressOf(a)} blackhole`
    ])

  process.once('exit', remove)
  let range = ''
  try {
    make(hub)
    ip(['netns', 'exec', hub, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
    range = linkHost()
    const [host, router] = [`${range}.${hostByte}`, `${range}.${hubByte}`]
    ipBatch(hub, wayTo('host', router, host))
    ipBatch(undefined, wayOut(hostLink ?? '', host, router, range))
    for (const { name, byte } of names.values()) {
      make(name)
      ip(['link', 'add', 'eth0', 'netns', name, 'type', 'veth', 'peer', 'name', `n${byte}`, 'netns', hub])
      ipBatch(hub, wayTo(`n${byte}`, router, `${range}.${byte}`))
      ipBatch(name, wayOut('eth0', `${range}.${byte}`, router, range))
    }
    await expectReachable(host, made.at(-1) ?? hub)
    return {
      host,
      place: node => ({ address: addressOf(node), command: ['ip', 'netns', 'exec', placeOf(node).name] }),
      cut: (a, b) => rules('add', a, b),
      heal: (a, b) => rules('del', a, b),
      stop: remove
    }
  } catch (err) {
    remove()
    throw err
  }
}

/** In the hub: the end of one link. All ends there have the hub's one address. */
function wayTo(link: string, router: string, address: string): string[] {
  return [
    `address add ${router}/32 dev ${link}`,
    `link set ${link} up`,
    `route add ${address}/32 dev ${link}`
  ]
}

/** At the other end: all of the range lies behind the hub. */
function wayOut(link: string, address: string, router: string, range: string): string[] {
  return [
    `address add ${address}/32 dev ${link}`,
    `link set ${link} up`,
    `route add ${router}/32 dev ${link}`,
    `route add ${range}.0/24 via ${router} src ${address}`
  ]
}

/** A firewall of the host may let namespaces be made, and drop what comes from them. Throws ProcessError. */
async function expectReachable(host: string, namespace: string): Promise<void> {
  const server = createServer(socket => socket.end())
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const probe = `require('node:net').connect(${port}, '${host}').on('connect', () => process.exit(0)).on('error', () => process.exit(1))`
  try {
    await promisify(execFile)('ip', ['netns', 'exec', namespace, process.execPath, '-e', probe], {
      timeout: probeTimeoutMs
    })
  } catch (err) {
    throw new ProcessError(
      `Network namespaces cannot reach this process at ${host}: does a firewall drop it?`,
      { cause: err }
    )
  } finally {
    server.close()
  }
}

/**
 * Removes namespaces of trials whose process has ended without doing so. A node that it left standing still (SIGSTOP) is let go
 * on: it sees that its owner is gone, and stops.
 */
function removeAbandoned(): void {
  for (const name of namedNamespaces().filter(isAbandoned)) {
    try {
      for (const pid of ip(['netns', 'pids', name]).split('\n').filter(Boolean))
        process.kill(Number(pid), 'SIGCONT')
      ip(['netns', 'delete', name])
    } catch (err) {
      // Another trial that begins now removes them too.
      if (namedNamespaces().includes(name)) throw err
    }
  }
}
