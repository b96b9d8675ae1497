import { rpcMode, setSubgraphFault } from './endpoint-faults.js'
import { type Ground, untilFinal } from './ground.js'
import { startHostilePeer } from './hostile-peer.js'
import { reorganise } from './reorg.js'
import type { Fault } from './schedule.js'

/** A fault that was caused, by the clock of this machine. */
export interface Caused {
  fault: Fault
  fromMs: number
  /** When its cause ended; undefined while it lasts. */
  toMs: number | undefined
}

/** Causes faults, and ends them. */
export interface Inflictor {
  /** Resolves when the fault has ended. */
  inflict(fault: Fault, wait: (durationMs: number) => Promise<void>): Promise<void>
  caused(): Caused[]
}

/** An attack goes on until a job became final under it, for so long at most: on a busy machine one takes more than the attack. */
const attackMs = 30_000

export function inflictor(ground: Ground, signal: AbortSignal): Inflictor {
  const { fleet, network, provider } = ground
  const caused: Caused[] = []
  /** How many faults hold a thing: it is mended when the last one ends. */
  const holds = new Map<string, number>()

  function hold(what: string, begin: () => void): void {
    const count = holds.get(what) ?? 0
    holds.set(what, count + 1)
    if (count === 0) begin()
  }

  function letGo(what: string, end: () => void): void {
    const count = (holds.get(what) ?? 0) - 1
    holds.set(what, count)
    if (count === 0) end()
  }

  const cut = (a: string, b: string): void => hold([a, b].sort().join(' '), () => fleet.cut(a, b))
  const heal = (a: string, b: string): void => letGo([a, b].sort().join(' '), () => fleet.heal(a, b))
  const othersOf = (name: string): string[] =>
    fleet.nodes.map(node => node.name).filter(other => other !== name)

  async function act(fault: Fault, wait: () => Promise<void>): Promise<void> {
    switch (fault.kind) {
      case 'kill': {
        const node = fleet.node(fault.node)
        await node.kill()
        await wait()
        return node.start()
      }
      case 'pause': {
        const node = fleet.node(fault.node)
        node.pause()
        await wait()
        return node.resume()
      }
      case 'cut':
        cut(fault.node, fault.peer)
        await wait()
        return heal(fault.node, fault.peer)
      case 'isolate':
        for (const other of othersOf(fault.node)) cut(fault.node, other)
        await wait()
        for (const other of othersOf(fault.node)) heal(fault.node, other)
        return
      case 'reorg': {
        const accounts = fleet.nodes.flatMap(node => node.info().account?.toLowerCase() ?? [])
        return reorganise(provider, { ...fault, workers: new Set(accounts) })
      }
      case 'rpc': {
        const proxy = fleet.node(fault.node).rpc
        const what = `rpc ${fault.node}`
        hold(what, () => undefined)
        proxy?.setMode(rpcMode(fault.how))
        await wait()
        return letGo(what, () => proxy?.setMode('pass'))
      }
      case 'subgraph': {
        const proxy = fleet.node(fault.node).subgraph
        const what = `subgraph ${fault.node}`
        hold(what, () => undefined)
        if (proxy !== undefined) await setSubgraphFault(proxy, fault.how, network.subgraph)
        await wait()
        return letGo(what, () => proxy?.setMode('pass'))
      }
      case 'hostile': {
        const peer = await startHostilePeer({
          network,
          provider,
          targets: fleet.nodes.flatMap(node => node.info().addresses.slice(0, 1)),
          accounts: fault.registered ? [1, 2, 3, 4].map(ground.spareAccount) : undefined
        })
        try {
          await Promise.all([wait(), untilFinal(ground, { jobs: 1, timeoutMs: attackMs, signal })])
        } finally {
          await peer.stop()
        }
        return
      }
    }
  }

  return {
    async inflict(fault, wait) {
      // It could not be killed, as it is being started again, slower than the schedule thought.
      if (fault.kind === 'kill' && !fleet.node(fault.node).isUp()) return
      const one: Caused = { fault, fromMs: Date.now(), toMs: undefined }
      caused.push(one)
      try {
        await act(fault, () => wait(fault.durationMs))
      } finally {
        one.toMs = Date.now()
      }
    },
    caused: () => caused
  }
}
