import { join } from 'node:path'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { createDatabase } from '../../src/db/database.js'
import { topicsOf } from '../../src/gossip/topic.js'
import type { EmitEvent, Logger, Startable } from '../../src/interface/index.js'
import { systemClock } from '../../src/interface/index.js'
import { createNetwork } from '../../src/network/libp2p.js'
import { memoryChain, network as networkIdentity } from './memory-chain.js'
import type { Answers, NodeInit, NodeReport, Reply, Request } from './messages.js'
import { sequencerNode } from './sequencer-node.js'
import { type TrafficInit, traffic } from './traffic.js'
import { workerNode } from './worker-node.js'

// One node in a process of its own, told what to do over IPC by ./cluster.ts.

let answer: ((request: Request) => Promise<Answers[keyof Answers]>) | undefined

async function start(init: NodeInit): Promise<Answers['start']> {
  const complaints: string[] = []
  const logger = complainingLogger(complaints)
  let executions = 0
  let leasesLost = 0
  const emit: EmitEvent = ({ type }) => {
    if (type === 'execution:started') executions++
    if (type === 'lease:lost') leasesLost++
  }
  const privateKey = privateKeyFromProtobuf(init.privateKey)
  const database = await createDatabase(join(init.dataDir, 'db'))
  const network = await createNetwork(
    { privateKey, topics: topicsOf(networkIdentity), bootstrap: init.bootstrap },
    { clock: systemClock, logger }
  )
  await network.start()
  const base = { privateKey, database, logger, emit }

  const chain = memoryChain(init.registry)
  const stopwatch = sequencerNode()
  const listener: TrafficInit =
    init.role === 'sequencer'
      ? { onAcceptedResults: stopwatch.onAcceptedResults }
      : { onResults: jobIds => chain.finalise(jobIds) }
  const counted = traffic(network.pubsub, listener)
  const worker = init.role === 'worker' ? workerNode({ ...base, pubsub: counted.pubsub, chain }) : undefined
  const service: Startable = worker ?? stopwatch.create({ ...base, pubsub: counted.pubsub })
  await service.start()

  const report = (): NodeReport => {
    const { user, system } = process.cpuUsage()
    return {
      role: init.role,
      traffic: counted.report(),
      executions,
      leasesLost,
      complaints,
      cpuMs: (user + system) / 1_000,
      memoryMb: process.memoryUsage().rss / 2 ** 20
    }
  }

  answer = async request => {
    switch (request.kind) {
      case 'start':
        throw new Error('The node is started already')
      case 'peers':
        return worker === undefined ? network.peers().length : worker.status().peers
      case 'round-trips':
        return stopwatch.roundTrips(request.count)
      case 'stream':
        return stopwatch.stream(request.stream)
      case 'report':
        return report()
      case 'stop':
        await service.stop()
        await network.stop()
        await database.close()
        return undefined
    }
  }
  return { addresses: network.addresses() }
}

function complainingLogger(complaints: string[]): Logger {
  const complain = (fields: object, message: string): void => {
    const reason = 'err' in fields && fields.err instanceof Error ? `: ${fields.err.message}` : ''
    if (complaints.length < 20) complaints.push(message + reason)
  }
  const logger: Logger = {
    trace() {},
    debug() {},
    info() {},
    warn: complain,
    error: complain,
    child: () => logger
  }
  return logger
}

function reply(message: Reply): void {
  process.send?.(message)
}

process.on('message', (request: Request) => {
  const answered = request.kind === 'start' ? start(request.init) : answer?.(request)
  Promise.resolve(answered)
    .then(value => reply({ ok: true, value }))
    .catch((err: unknown) =>
      reply({ ok: false, error: err instanceof Error ? (err.stack ?? err.message) : String(err) })
    )
    .finally(() => {
      if (request.kind === 'stop') process.disconnect()
    })
})
// The process that measures is gone: nobody needs this one.
process.once('disconnect', () => process.exit())
