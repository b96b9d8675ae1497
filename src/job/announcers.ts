import { LRUCache } from 'lru-cache'
import type { Clock } from '../interface/clock.js'

/** Announcers that are remembered, right ones and others apart: far more than a network has sequencers. About 100 bytes each. */
const MAX_ANNOUNCERS = 1_024
/** Jobs of one unproven announcer that may wait: two looks at the chain, which prove it or not. */
const UNPROVEN_JOBS = 1_000
/** Jobs of all unproven announcers together: a third of what may wait, so that liars without number leave room for others. */
const ALL_UNPROVEN_JOBS = 50_000
/**
 * The same for jobs that this node asked for: a node that joins is told 100,000 at once. The rest is left to announcers that
 * were right, or one peer that was asked, and lied, would keep out all new jobs.
 */
const ALL_UNPROVEN_ASKED_JOBS = 120_000
/** So many jobs that are not on the chain, and ten times as many as are, show a liar. A lagging endpoint shows some. */
const LIAR_JOBS = 256
const LIAR_RATIO = 10
/** How long nothing is taken from a liar. Not for ever: its endpoint may have been on a fork. */
const REFUSE_MS = 600_000

/** One that announces jobs: the key that signed the announcement, or the peer that was asked. */
export interface Announcer {
  name: string
  /** Its jobs that wait. */
  waiting: number
  found: number
  missing: number
  refusedUntilMs: number
}

/** What announcers are worth: who was right may let many jobs wait, who was not yet may let few. */
export interface Announcers {
  get(name: string): Announcer
  /** Whether one more job of this announcer may wait. `isAsked`: this node asked for it. */
  mayWait(announcer: Announcer, isAsked: boolean): boolean
  isProven(announcer: Announcer): boolean
  /** Whether one of this name is known, and proven. */
  isProvenName(name: string): boolean
  add(announcer: Announcer): void
  remove(announcer: Announcer): void
  /** Notes that the chain holds a job, or not. True if this shows the announcer to be a liar. */
  note(announcer: Announcer, isFound: boolean): boolean
}

export function announcers({ clock }: { clock: Clock }): Announcers {
  /** Keys cost nothing: those that were never right, however many, must not push out who was. */
  const proven = new LRUCache<string, Announcer>({ max: MAX_ANNOUNCERS })
  const others = new LRUCache<string, Announcer>({ max: MAX_ANNOUNCERS })
  let unproven = 0

  const isProven = ({ found, missing }: Announcer): boolean => found > 0 && found * LIAR_RATIO >= missing

  function keep(announcer: Announcer): void {
    const [table, other] = isProven(announcer) ? [proven, others] : [others, proven]
    other.delete(announcer.name)
    table.set(announcer.name, announcer)
  }

  return {
    get(name) {
      const known = proven.get(name) ?? others.get(name)
      if (known !== undefined) return known
      const announcer = { name, waiting: 0, found: 0, missing: 0, refusedUntilMs: 0 }
      keep(announcer)
      return announcer
    },
    mayWait(announcer, isAsked) {
      if (announcer.refusedUntilMs > clock.steadyMs()) return false
      if (isProven(announcer)) return true
      if (isAsked) return unproven < ALL_UNPROVEN_ASKED_JOBS
      return announcer.waiting < UNPROVEN_JOBS && unproven < ALL_UNPROVEN_JOBS
    },
    isProven,
    isProvenName: name => proven.has(name),
    add(announcer) {
      announcer.waiting++
      if (!isProven(announcer)) unproven++
    },
    remove(announcer) {
      announcer.waiting--
      if (!isProven(announcer)) unproven = Math.max(0, unproven - 1)
    },
    note(announcer, isFound) {
      const wasProven = isProven(announcer)
      if (isFound) announcer.found++
      else announcer.missing++
      if (isProven(announcer) !== wasProven) {
        unproven = Math.max(0, unproven + (wasProven ? announcer.waiting : -announcer.waiting))
        keep(announcer)
      }
      if (isFound || announcer.missing < LIAR_JOBS || announcer.missing <= LIAR_RATIO * announcer.found)
        return false
      Object.assign(announcer, { found: 0, missing: 0, refusedUntilMs: clock.steadyMs() + REFUSE_MS })
      keep(announcer)
      return true
    }
  }
}
