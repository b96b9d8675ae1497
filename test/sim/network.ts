import { createHash } from 'node:crypto'
import type { PubSub, Verdict } from '../../src/interface/index.js'
import { gossipHeartbeatMs } from '../../src/interface/index.js'
import type { EventLoop } from './event-loop.js'
import { meshOf } from './mesh.js'
import type { Process } from './process.js'
import type { Random } from './random.js'

/** For this long gossipsub remembers a message's id, and drops what comes again. */
const SEEN_MS = 120_000
/** Heartbeats in which a node offers a message to peers that may lack it (IHAVE). */
const HISTORY_HEARTBEATS = 3
/** Offer, request, message. */
const OFFER_HOPS = 3

/** What links do wrong, changed by the faults while the simulation runs. */
export interface LinkTrouble {
  /** Probability that one transmission is lost. */
  loss: number
  /** Probability that a message is shown to a node again, past gossipsub's own check. */
  duplicate: number
  /** Added to each transmission: from 0 to this. Large values change the order of messages. */
  jitterMs: number
  /** Added to each transmission of these nodes. */
  slow: Map<number, number>
  /** Node -> side, for each partition that is on. Nodes on different sides do not hear each other. */
  partitions: Map<number, number>[]
}

export interface NetworkCounts {
  sent: Map<string, number>
  lost: number
  duplicated: number
  reordered: number
  late: number
  cut: number
  verdicts: Record<Verdict, number>
}

type Validate = (from: string, data: Uint8Array) => Promise<Verdict>

interface Member {
  process: Process
  topics: Map<string, Validate>
  /** Counts the runs of a node, from 1: one that was restarted has forgotten what it saw. */
  run: number
  /** Until then nobody has this node in its mesh. */
  graftedAtMs: number
  /** What it reads together, by when. */
  inbox: Map<number, Arrival[]>
}

interface Arrival {
  message: Message
  from: number
}

interface Message {
  id: string
  topic: string
  data: Uint8Array
  /** By node: the run that saw it. */
  seen: Uint8Array
  seenCount: number
  /** By node: the earliest arrival that is under way, or was. */
  arrivals: Float64Array
  /** Nodes that accepted it: they pass it on and offer it. */
  holders: number[]
  /** What leaves for other parts: receiver, sender and time of arrival, one after the other. */
  moves: number[]
  isKnownElsewhere: boolean
}

/** Transmissions of one message from one part of the network to others. */
export interface Departure {
  id: string
  topic: string
  /** Undefined where it has been sent before. */
  data: Uint8Array | undefined
  /** Receiver, sender and time of arrival, one after the other. */
  moves: Float64Array
}

/** A gossipsub mesh: messages hop along links once a node has accepted them; what links lose is offered again later. */
export interface Network {
  trouble: LinkTrouble
  counts: NetworkCounts
  /** A process of node `node` joins, and has to be grafted first. */
  join(node: number, process: Process): PubSub
  leave(node: number): void
  /** Whether no partition is between two nodes. */
  isConnected(a: number, b: number): boolean
  /** Whether two nodes are neighbours in the mesh. */
  isLinked(a: number, b: number): boolean
  /** Sends bytes to one node only, as a peer that lies to some may do. */
  sendTo(from: number, to: number, topic: string, data: Uint8Array): void
  /** What has left for other parts since the last call. */
  departures(): Departure[]
  /** What has left other parts. Nothing of it may be due yet. */
  enter(departures: Departure[]): void
  /** Called with each message that is published. */
  onPublished(listener: (from: number, topic: string, data: Uint8Array) => void): void
}

export interface NetworkInit {
  loop: EventLoop
  rng: Random
  names: string[]
  /** Links of a node, at least; more if others chose it. */
  degree: number
  /** Of a link, one way: each link draws its base from this, each transmission up to as much again. */
  delayMs: { min: number; max: number }
  /** A node reads at this interval, all that has arrived since. Default: each message as it arrives. */
  readEveryMs?: number
  /** Whether a node runs in this part of the network. Default: all do. */
  isHere?(node: number): boolean
}

export function simulatedNetwork({
  loop,
  rng,
  names,
  degree,
  delayMs,
  readEveryMs,
  isHere = () => true
}: NetworkInit): Network {
  const members: (Member | undefined)[] = names.map(() => undefined)
  let memberCount = 0
  /** What gossipsub would still remember. */
  const messages = new Map<string, Message>()
  const runs = new Map<number, number>()
  const links = meshOf(names.length, degree, rng.fork('mesh'))
  /** By the two ends; 0 where it has not been drawn yet. */
  const linkDelays = new Float64Array(names.length ** 2)
  const trouble: LinkTrouble = { loss: 0, duplicate: 0, jitterMs: 0, slow: new Map(), partitions: [] }
  const counts: NetworkCounts = {
    sent: new Map(),
    lost: 0,
    duplicated: 0,
    reordered: 0,
    late: 0,
    cut: 0,
    verdicts: { accept: 0, ignore: 0, reject: 0 }
  }
  const leaving = new Set<Message>()
  const listeners: ((from: number, topic: string, data: Uint8Array) => void)[] = []

  function isConnected(a: number, b: number): boolean {
    return trouble.partitions.every(sides => sides.get(a) === sides.get(b))
  }

  function hopMs(from: number, to: number): number {
    const link = Math.min(from, to) * names.length + Math.max(from, to)
    let base = linkDelays[link] ?? 0
    if (base === 0) {
      base = rng.between(delayMs.min, delayMs.max)
      linkDelays[link] = base
    }
    let total = base * (1 + rng.next())
    if (trouble.jitterMs > 0) {
      total += rng.next() * trouble.jitterMs
      counts.reordered++
    }
    const slowMs = (trouble.slow.get(from) ?? 0) + (trouble.slow.get(to) ?? 0)
    if (slowMs > 0) {
      total += rng.next() * slowMs
      counts.late++
    }
    return total
  }

  /** Under way unless it is lost, or an earlier copy is. */
  function transmit(message: Message, from: number, to: number, hops = 1): void {
    const member = members[to]
    const staysHere = isHere(to)
    if (staysHere && (member === undefined || member.graftedAtMs > loop.nowMs())) return
    if (trouble.partitions.length > 0 && !isConnected(from, to)) {
      counts.cut++
      return
    }
    if (trouble.loss > 0 && rng.chance(trouble.loss)) {
      counts.lost++
      return
    }
    let atMs = loop.nowMs()
    for (let hop = 0; hop < hops; hop++) atMs += hopMs(from, to)
    if (readEveryMs !== undefined) atMs = Math.ceil(atMs / readEveryMs) * readEveryMs
    if (atMs >= (message.arrivals[to] ?? 0)) return
    message.arrivals[to] = atMs
    if (!staysHere || member === undefined) {
      message.moves.push(to, from, atMs)
      leaving.add(message)
      return
    }
    if (readEveryMs === undefined) loop.at(atMs, () => arrive(message, from, to, member))
    else deliver({ message, from }, to, member, atMs)
    if (trouble.duplicate > 0 && rng.chance(trouble.duplicate)) {
      counts.duplicated++
      loop.at(atMs + rng.between(0, 2_000), () => show(message, from, to, member))
    }
  }

  /** Into what the node reads at that time. */
  function deliver(arrival: Arrival, to: number, member: Member, atMs: number): void {
    const { inbox } = member
    const waiting = inbox.get(atMs)
    if (waiting !== undefined) {
      waiting.push(arrival)
      return
    }
    const read = [arrival]
    inbox.set(atMs, read)
    loop.at(atMs, () => {
      inbox.delete(atMs)
      for (const { message, from } of read) arrive(message, from, to, member)
    })
  }

  function arrive(message: Message, from: number, to: number, member: Member): void {
    if (see(message, to, member)) show(message, from, to, member)
  }

  /** False if the node has seen it before. */
  function see(message: Message, node: number, { run }: Member): boolean {
    if (message.seen[node] === run) return false
    message.seen[node] = run
    message.seenCount++
    return true
  }

  function show(message: Message, from: number, to: number, member: Member): void {
    if (members[to] !== member || !member.process.isAlive()) return
    if (member.process.isPaused()) {
      member.process.later(0, () => show(message, from, to, member))
      return
    }
    const validate = member.topics.get(message.topic)
    if (validate === undefined) return
    validate(names[from] ?? '', message.data).then(
      verdict => {
        counts.verdicts[verdict]++
        if (verdict === 'accept') pass(message, to)
      },
      err => {
        throw err
      }
    )
  }

  function pass(message: Message, node: number): void {
    message.holders.push(node)
    for (const peer of links[node] ?? []) transmit(message, node, peer)
  }

  /** A node that lacks the message hears of it from one that has it. */
  function offer(message: Message): void {
    if (message.seenCount === memberCount) return
    for (const [node, member] of members.entries()) {
      if (member === undefined || message.seen[node] === member.run) continue
      const from = message.holders.length > 0 ? rng.pick(message.holders) : undefined
      if (from === undefined || from === node || members[from]?.process.isAlive() !== true) continue
      message.arrivals[node] = Number.POSITIVE_INFINITY
      transmit(message, from, node, OFFER_HOPS)
    }
  }

  /** For three heartbeats, who has a message offers it to who lacks it. */
  function offerLater(message: Message): void {
    for (let beat = 1; beat <= HISTORY_HEARTBEATS; beat++) {
      loop.at(loop.nowMs() + (beat - rng.next()) * gossipHeartbeatMs, () => offer(message))
    }
  }

  function messageOf(topic: string, data: Uint8Array): Message {
    const id = createHash('sha1').update(topic).update(data).digest('base64')
    return messages.get(id) ?? newMessage(id, topic, data)
  }

  function newMessage(id: string, topic: string, data: Uint8Array): Message {
    // Nobody changes what was sent: all nodes may keep the same bytes as their own copy.
    Object.defineProperty(data, 'slice', { value: () => data })
    const message: Message = {
      id,
      topic,
      data,
      seen: new Uint8Array(names.length),
      seenCount: 0,
      arrivals: new Float64Array(names.length).fill(Number.POSITIVE_INFINITY),
      holders: [],
      moves: [],
      isKnownElsewhere: false
    }
    messages.set(id, message)
    loop.at(loop.nowMs() + SEEN_MS, () => messages.delete(id))
    return message
  }

  return {
    trouble,
    counts,
    isConnected,
    isLinked: (a, b) => links[a]?.includes(b) ?? false,
    onPublished: listener => listeners.push(listener),

    join(node, process) {
      const graftedAtMs = loop.nowMs() === 0 ? 0 : loop.nowMs() + rng.between(0, gossipHeartbeatMs)
      const run = ((runs.get(node) ?? 0) % 255) + 1
      runs.set(node, run)
      const member: Member = { process, topics: new Map(), run, graftedAtMs, inbox: new Map() }
      if (members[node] === undefined) memberCount++
      members[node] = member
      return {
        subscribe(topic, validate) {
          member.topics.set(topic, validate)
        },
        unsubscribe(topic) {
          member.topics.delete(topic)
        },
        async publish(topic, data) {
          const message = messageOf(topic, data)
          const kind = topic.split('/')[3] ?? ''
          counts.sent.set(kind, (counts.sent.get(kind) ?? 0) + 1)
          for (const listener of listeners) listener(node, topic, data)
          if (!see(message, node, member)) return
          message.arrivals[node] = loop.nowMs()
          pass(message, node)
          offerLater(message)
        },
        subscribers: topic =>
          names.filter(
            (_, other) =>
              other !== node && members[other]?.topics.has(topic) === true && isConnected(node, other)
          )
      }
    },

    leave(node) {
      if (members[node] !== undefined) memberCount--
      members[node] = undefined
    },

    departures() {
      const departed = [...leaving].map(message => {
        const { id, topic, moves, isKnownElsewhere } = message
        const data = isKnownElsewhere ? undefined : message.data
        message.isKnownElsewhere = true
        message.moves = []
        return { id, topic, data, moves: Float64Array.from(moves) }
      })
      leaving.clear()
      return departed
    },

    enter(departures) {
      for (const { id, topic, data, moves } of departures) {
        let message = messages.get(id)
        if (message === undefined) {
          if (data === undefined) throw new Error(`the bytes of message ${id} are not here`)
          message = newMessage(id, topic, data)
          message.isKnownElsewhere = true
          offerLater(message)
        }
        for (let at = 0; at < moves.length; at += 3) {
          const [to = 0, from = 0, atMs = 0] = moves.subarray(at, at + 3)
          const member = members[to]
          if (member === undefined || atMs >= (message.arrivals[to] ?? 0)) continue
          message.arrivals[to] = atMs
          deliver({ message, from }, to, member, atMs)
        }
      }
    },

    sendTo(from, to, topic, data) {
      for (const listener of listeners) listener(from, topic, data)
      transmit(messageOf(topic, data), from, to)
    }
  }
}
