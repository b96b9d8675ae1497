import { Bucket } from '../../src/db/buckets.js'
import type { BatchOperation, LeaseTiming, Logger } from '../../src/interface/index.js'
import { sequencer } from '../../src/sequencer.js'
import type { Worker } from '../../src/worker.js'
import { type BreakRule, breakClock, breakDatabase, breakPubSub, breakTiming } from './breaks.js'
import { startLiar } from './byzantine.js'
import { type SimulatedChain, simulatedChain } from './chain.js'
import { chainClient, jobOf, network, type RpcTrouble } from './chain-client.js'
import { type Disk, simulatedDisk } from './disk.js'
import { type EventLoop, eventLoop } from './event-loop.js'
import type { Fault, FaultKind } from './faults.js'
import { type SimulatedKey, simulatedKey } from './keys.js'
import { type Network, simulatedNetwork } from './network.js'
import { type Observer, observer } from './observer.js'
import { EPOCH_MS, type Process, simulatedProcess } from './process.js'
import { type Random, random } from './random.js'
import { shareMessages } from './shared/messages.js'
import { shareVerification } from './shared/verification.js'
import { type Streams, simulatedStreams } from './streams.js'
import { type SubgraphTrouble, simulatedSubgraph } from './subgraph.js'
import { type Trace, type TraceMode, trace } from './trace.js'
import { workerNode } from './worker-node.js'

export interface WorldInit {
  seed: number
  workers: number
  sequencers: number
  byzantine: number
  timing: LeaseTiming
  faults: Fault[]
  broken: BreakRule | undefined
  trace: TraceMode
  blockIntervalMs: number
  /** Drawn for each worker. */
  capacity: { min: number; max: number }
  /** The shortest and the longest time that a model takes. */
  executionMs(key: string): number
  /** Links of a node in the mesh. */
  degree: number
  /** Timers ring late by a little, as those of a busy process do, and a worker may have lost what it knew of its claims. Default: neither. */
  isRough?: boolean
  /** See `NetworkInit`. Default: of one machine room. */
  delayMs?: { min: number; max: number }
  /** See `NetworkInit`. */
  readEveryMs?: number
  /** Which nodes run here, where the world is run in parts; see `parts.ts`. */
  isHere?(node: number): boolean
}

/** A node of the simulation. Its disk and its key outlive its processes. */
export interface WorldNode {
  index: number
  name: string
  role: 'worker' | 'sequencer' | 'byzantine'
  key: SimulatedKey
  disk: Disk
  process: Process
  rpc: RpcTrouble
  subgraph: SubgraphTrouble
  models: string[]
  capacity: number
  isUp: boolean
  /** Undefined while it is down, and for other roles. */
  worker: Worker | undefined
}

export interface World {
  loop: EventLoop
  chain: SimulatedChain
  net: Network
  streams: Streams
  nodes: WorldNode[]
  observer: Observer
  trace: Trace
  /** Keys of all jobs that a block ever held. */
  minedKeys: Set<string>
  /** How often each fault had an effect. */
  faultCounts: Map<FaultKind, number>
  count(kind: FaultKind): void
  start(node: WorldNode): void
  crash(node: WorldNode, machine: boolean): void
  name(node: number): string
}

/** The models of the workers: all have the first, some the second, nobody the third. */
export const MODELS = ['bafysimcommon', 'bafysimrare', 'bafysimnowhere']
/** Clocks of a run without faults differ by less than ε. */
const HONEST_OFFSET_MS = 40
const HONEST_DRIFT = 50e-6
/** How long jobs stay open on chain. */
const JOB_TIMEOUT_MS = 3_600_000
const POLL_INTERVAL_MS = 500

export function createWorld(init: WorldInit): World {
  shareVerification()
  shareMessages()
  const { seed, workers, sequencers, byzantine, faults, broken } = init
  const rng = random(seed, 'world')
  const loop = eventLoop()
  const epochMs = EPOCH_MS + rng.int(0, 1_000_000)
  const count = workers + sequencers + byzantine
  const timing = breakTiming(init.timing, broken)
  const recorded = trace(init.trace)
  const faultCounts = new Map<FaultKind, number>()
  const tally = (kind: FaultKind): void => {
    faultCounts.set(kind, (faultCounts.get(kind) ?? 0) + 1)
  }
  const roleOf = (index: number): WorldNode['role'] =>
    index < workers ? 'worker' : index < workers + sequencers ? 'sequencer' : 'byzantine'
  const nameOf = (index: number): string => {
    const role = roleOf(index)
    return role === 'worker'
      ? `w${index}`
      : role === 'sequencer'
        ? `s${index - workers}`
        : `b${index - workers - sequencers}`
  }
  const names = Array.from({ length: count }, (_, index) => nameOf(index))

  const net = simulatedNetwork({
    loop,
    rng: rng.fork('network'),
    names,
    degree: init.degree,
    delayMs: init.delayMs ?? { min: 0.5, max: 15 },
    ...(init.readEveryMs === undefined ? {} : { readEveryMs: init.readEveryMs }),
    ...(init.isHere === undefined ? {} : { isHere: init.isHere })
  })
  /** Node and job of releases that a crash would not undo. */
  const released = new Set<string>()
  const watch = observer({
    nowMs: loop.nowMs,
    timing: init.timing,
    trace: recorded,
    honest: index => roleOf(index) !== 'byzantine',
    isHonestKey: peer => nodes.some(({ key, role }) => key.peer === peer && role !== 'byzantine'),
    isReleaseDurable: (index, job) => released.has(`${index}:${job}`)
  })
  net.onPublished(watch.published)
  // In a large network a node is connected to some others only.
  const isConnected = (a: number, b: number): boolean =>
    net.isConnected(a, b) && (init.degree >= count - 1 || net.isLinked(a, b))
  const streams = simulatedStreams({ loop, rng: rng.fork('streams'), names, isConnected })
  const minedKeys = new Set<string>()
  const chain = simulatedChain({
    loop,
    rng: rng.fork('chain'),
    epochMs,
    blockIntervalMs: init.blockIntervalMs,
    jobTimeoutMs: JOB_TIMEOUT_MS,
    ...(init.isHere === undefined || init.readEveryMs === undefined
      ? {}
      : { settleEveryMs: init.readEveryMs }),
    onMined: job => {
      const { jobId, blockNumber, request } = job
      minedKeys.add(jobOf(job).key)
      recorded.add({
        atMs: loop.nowMs(),
        node: -1,
        what: 'job:mined',
        jobId,
        detail: `block ${blockNumber} request ${request.content} ${request.model}`
      })
    },
    onFinal: ({ jobId, final }) =>
      recorded.add({
        atMs: loop.nowMs(),
        node: -1,
        what: 'job:finalised',
        jobId,
        detail: `block ${final?.blockNumber} by ${final?.account.slice(0, 10)}`
      })
  })

  const registry = new Map<string, string>()

  function clockErrorOf(index: number): { offsetMs: number; drift: number } {
    const own = rng.fork(`clock ${index}`)
    const skews = faults.filter(
      ({ kind, nodes, toMs }) => kind === 'skew' && nodes.includes(index) && toMs > loop.nowMs()
    )
    const offsetMs = own.between(-HONEST_OFFSET_MS, HONEST_OFFSET_MS)
    return {
      offsetMs: offsetMs + skews.reduce((sum, { amount }) => sum + amount, 0),
      drift: own.between(-HONEST_DRIFT, HONEST_DRIFT)
    }
  }

  function processOf(index: number): Process {
    const late = init.isRough === true ? lateness(rng.fork(`timers ${index} ${loop.nowMs()}`)) : undefined
    const made = simulatedProcess(loop, epochMs, clockErrorOf(index), late)
    return { ...made, clock: breakClock(made.clock, broken) }
  }

  const nodes = names.map((name, index): WorldNode => {
    const own = rng.fork(`node ${index}`)
    const key = simulatedKey(`${seed}/${name}`)
    const role = roleOf(index)
    const isRegistered =
      role === 'worker' ||
      (role === 'byzantine' && faults.some(({ nodes, flag }) => flag && nodes.includes(index)))
    if (isRegistered) registry.set(key.account, key.peer)
    const disk = simulatedDisk(rng.fork(`disk ${index}`))
    watchReleases(index, disk)
    return {
      index,
      name,
      role,
      key,
      disk,
      process: processOf(index),
      rpc: { isDown: false, lagBlocks: 0 },
      subgraph: { isDown: false, lagBlocks: 0 },
      models: own.chance(0.6) ? MODELS.slice(0, 2) : MODELS.slice(0, 1),
      capacity: own.int(init.capacity.min, init.capacity.max),
      isUp: false,
      worker: undefined
    }
  })

  function watchReleases(index: number, disk: Disk): void {
    disk.onDurable((operations: BatchOperation[]) => {
      for (const operation of operations) {
        if (operation.key[0] !== Bucket.ownLeases) continue
        const job = Buffer.from(operation.key.subarray(1)).toString('hex')
        const isHeld = operation.type === 'put' && Buffer.from(operation.value).includes('"release":null')
        if (isHeld) released.delete(`${index}:${job}`)
        else released.add(`${index}:${job}`)
      }
    })
  }

  function loggerOf(index: number): Logger {
    const drop = (): void => {}
    const logger: Logger = {
      trace: drop,
      debug: drop,
      info: drop,
      warn: drop,
      error(fields, message) {
        const err = 'err' in fields && fields.err instanceof Error ? `: ${fields.err.message}` : ''
        watch.errors.push(`${nameOf(index)} ${message}${err}`)
        recorded.add({
          atMs: loop.nowMs(),
          node: index,
          what: 'log:error',
          jobId: undefined,
          detail: `${message}${err}`
        })
      },
      child: () => logger
    }
    return logger
  }

  function openDisk(node: WorldNode): ReturnType<Disk['open']> {
    return node.disk.open(node.process, {
      onSlow: () => tally('slow-disk'),
      onFull: () => tally('disk-full')
    })
  }

  function start(node: WorldNode): void {
    const { index, role, key, process } = node
    if (node.isUp) return
    node.isUp = true
    const own = rng.fork(`run ${index} ${loop.nowMs()}`)
    recorded.add({ atMs: loop.nowMs(), node: index, what: 'node:started', jobId: undefined, detail: '' })
    const emit = (event: Parameters<Observer['event']>[1]): void => {
      if (process.isAlive()) watch.event(index, event)
    }
    const fail = (err: unknown): void =>
      watch.violate({
        rule: 'crash',
        jobId: undefined,
        message: `${node.name} could not start: ${String(err)}`
      })
    if (role === 'worker') {
      const chainOf = chainClient({
        chain,
        process,
        rng: own,
        trouble: node.rpc,
        registry,
        onError: () => tally('rpc-error')
      })
      node.worker = makeWorker(node, emit, chainOf, own)
      Promise.resolve(node.worker.start()).catch(fail)
    } else if (role === 'sequencer') {
      const made = sequencer({ network, timing, pollIntervalMs: POLL_INTERVAL_MS })({
        pubsub: net.join(index, process),
        privateKey: key.privateKey,
        database: openDisk(node),
        sync: streams.join(index, process, own),
        subgraph: simulatedSubgraph({
          chain,
          process,
          rng: own,
          trouble: node.subgraph,
          onError: () => tally('subgraph-error')
        }),
        clock: process.clock,
        random: own.next,
        logger: loggerOf(index),
        emit
      })
      Promise.resolve(made.start()).catch(fail)
    } else {
      const plan = faults.find(({ nodes: [liar] }) => liar === index)
      if (plan !== undefined)
        startLiar({ node, plan, net, chain, loop, rng: own, timing: init.timing, count: tally })
    }
  }

  function makeWorker(
    node: WorldNode,
    emit: (event: Parameters<Observer['event']>[1]) => void,
    chainOf: ReturnType<typeof chainClient>,
    random: Random
  ): Worker {
    const { index, key, process, models, capacity } = node
    return workerNode({
      process,
      key,
      timing,
      pubsub: breakPubSub(net.join(index, process), key.privateKey, process.clock, broken),
      database: breakDatabase(openDisk(node), broken),
      sync: streams.join(index, process, random),
      chain: chainOf,
      models,
      capacity,
      executionMs: init.executionMs,
      isContinuous: init.isRough !== true || random.chance(0.5),
      random: random.next,
      logger: loggerOf(index),
      emit
    })
  }

  function crash(node: WorldNode, machine: boolean): void {
    recorded.add({
      atMs: loop.nowMs(),
      node: node.index,
      what: 'node:crashed',
      jobId: undefined,
      detail: machine ? 'machine' : 'process'
    })
    node.isUp = false
    node.process.kill()
    net.leave(node.index)
    streams.leave(node.index)
    watch.ended(node.index)
    node.disk.crash(machine)
    watch.checkDisk(node.index, node.process.clock.now(), node.disk.holdsLease)
    node.worker = undefined
    node.process = processOf(node.index)
  }

  return {
    loop,
    chain,
    net,
    streams,
    nodes,
    observer: watch,
    trace: recorded,
    minedKeys,
    faultCounts,
    count: tally,
    start,
    crash,
    name: nameOf
  }
}

/** In milliseconds: mostly part of one, now and then what a collection of garbage or another task takes. */
const lateness = (rng: Random) => (): number => {
  const kind = rng.next()
  return rng.next() * (kind < 0.7 ? 1.2 : kind < 0.97 ? 5 : 40)
}
