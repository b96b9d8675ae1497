import type { NodeHealth } from '../../control.js'
import type { Ground } from './ground.js'
import type { Caused } from './inflict.js'

/** Memory and event loop of one node over a trial, its restarts included. */
export interface HealthFigures {
  node: string
  rssMaxMb: number
  /** Of the process that runs at the end, since it was started. */
  eventLoop: NodeHealth['eventLoop'] | undefined
}

export interface HealthWatch {
  figures(): HealthFigures[]
  /** How far each node's memory went above where it was when an attack of a hostile peer began. */
  growthUnderAttack(): { node: string; grewMb: number }[]
  stop(): Promise<void>
}

const sampleMs = 1_000

/** Asks every node that runs how it is, once a second. */
export function healthWatch({ fleet }: Ground, caused: () => Caused[]): HealthWatch {
  const samples: { node: string; pid: number; atMs: number; health: NodeHealth }[] = []
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  async function look(): Promise<void> {
    await Promise.all(
      fleet.nodes.map(async node => {
        const health = await node.health()
        if (health !== undefined)
          samples.push({ node: node.name, pid: node.info().pid, atMs: Date.now(), health })
      })
    )
  }

  function tick(): void {
    running = look().finally(() => {
      if (!isStopped) timer = setTimeout(tick, sampleMs)
    })
  }
  tick()

  const toMb = (bytes: number): number => Math.round(bytes / 1e5) / 10
  return {
    figures: () =>
      fleet.nodes.map(({ name }) => {
        const own = samples.filter(({ node }) => node === name)
        return {
          node: name,
          rssMaxMb: toMb(Math.max(0, ...own.map(({ health }) => health.rssBytes))),
          eventLoop: own.at(-1)?.health.eventLoop
        }
      }),
    growthUnderAttack: () =>
      fleet.nodes.map(({ name }) => {
        const growths = caused()
          .filter(({ fault }) => fault.kind === 'hostile')
          .map(({ fromMs, toMs = Number.POSITIVE_INFINITY }) => {
            const own = samples.filter(({ node, atMs }) => node === name && atMs <= toMs)
            const before = own.filter(({ atMs }) => atMs < fromMs).at(-1)
            if (before === undefined) return 0
            // A node that was killed meanwhile begins anew: another process is no growth.
            const during = own.filter(({ atMs, pid }) => atMs >= fromMs && pid === before.pid)
            return Math.max(0, ...during.map(({ health }) => health.rssBytes - before.health.rssBytes))
          })
        return { node: name, grewMb: toMb(Math.max(0, ...growths)) }
      }),
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await running
    }
  }
}
