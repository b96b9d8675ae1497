import type { Connection, Stream, StreamHandler } from '@libp2p/interface'
import { lpStream, streamPair } from '@libp2p/utils'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import type { Database, NodeEvent } from '../../../src/interface/index.js'
import { timelineServer } from '../../../src/timeline/server.js'
import { type Timeline, timeline } from '../../../src/timeline/timeline.js'
import { type ManualClock, manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

export const job = 'ab'.repeat(32)

export const about = (clock: ManualClock, jobId = 1n) => ({ job, jobId, atMs: clock.now() })

export async function createTimeline(
  init: { ageMs?: number; segments?: number; database?: Database; clock?: ManualClock } = {}
) {
  const clock = init.clock ?? manualClock()
  const database = init.database ?? memoryDatabase()
  const said: { level: string; message: string; fields: object }[] = []
  const kept: Timeline = timeline(init)({ database, clock, logger: silentLogger(said) })
  await kept.start()
  const record = (...events: NodeEvent[]): void => events.forEach(event => kept.record(event))
  return { clock, database, kept, record, said }
}

/** The node's end of the protocol, without a network: each call opens a stream as the peer that is named. */
export async function serve(kept: Pick<Timeline, 'read'>, clock: ManualClock) {
  let handler: StreamHandler | undefined
  const server = timelineServer({ role: 'worker' })({
    libp2p: {
      handle: async (_, given) => void (handler = given),
      unhandle: async () => void (handler = undefined)
    },
    timeline: kept,
    clock,
    logger: silentLogger()
  })
  await server.start()
  return async (peer = 'peer'): Promise<Stream> => {
    const [ours, theirs] = await streamPair()
    void handler?.(theirs, { remotePeer: peer } as unknown as Connection)
    return ours
  }
}

/** A node that answers each request with what is given for it; `undefined` ends the stream. */
export async function hostile(answer: (count: number) => unknown): Promise<Stream> {
  const [ours, theirs] = await streamPair()
  const frames = lpStream(theirs)
  const run = async (): Promise<void> => {
    for (let count = 0; ; count++) {
      await frames.read()
      const frame = answer(count)
      if (frame === undefined) return theirs.abort(new Error('gone'))
      const bytes = frame instanceof Uint8Array ? frame : new TextEncoder().encode(JSON.stringify(frame))
      await frames.write(bytes)
    }
  }
  // It ends when the asker turns away: that is what the tests are about.
  run().catch(() => undefined)
  return ours
}
