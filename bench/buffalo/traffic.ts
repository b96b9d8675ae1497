import { RecordEnvelope } from '@libp2p/peer-record'
import { ResultNotices } from '../../src/gossip/messages.js'
import { parseTopic, type TopicKind, topicKinds } from '../../src/gossip/topic.js'
import type { PubSub } from '../../src/interface/index.js'

/** Messages and their bytes, as published (once each, however many peers get it) and as received (without duplicates). */
export interface TopicTraffic {
  published: number
  publishedBytes: number
  received: number
  receivedBytes: number
}
export type TrafficReport = Record<TopicKind, TopicTraffic>

export interface Traffic {
  pubsub: PubSub
  report(): TrafficReport
}

export interface TrafficInit {
  /** The jobs of result notices, before the node sees them: as a chain, which knows a result before anyone tells of it. */
  onResults?(jobIds: bigint[]): void
  /** The jobs of result notices that the node has accepted. */
  onAcceptedResults?(jobIds: bigint[]): void
}

/** A node's PubSub, listened to. The node itself sees no difference. */
export function traffic(pubsub: PubSub, { onResults, onAcceptedResults }: TrafficInit): Traffic {
  const none = (): TopicTraffic => ({ published: 0, publishedBytes: 0, received: 0, receivedBytes: 0 })
  const topics: TrafficReport = { jobs: none(), leases: none(), results: none(), presence: none() }
  const kindOf = new Map<string, TopicKind>()
  const counted = (topic: string): TopicTraffic => {
    const kind = kindOf.get(topic) ?? parseTopic(topic)?.kind ?? topicKinds[0]
    kindOf.set(topic, kind)
    return topics[kind]
  }

  return {
    report: () => structuredClone(topics),
    pubsub: {
      subscribe(topic, validate) {
        const counts = counted(topic)
        const isResults = counts === topics.results
        pubsub.subscribe(topic, async (from, data) => {
          counts.received++
          counts.receivedBytes += data.byteLength
          const jobIds = isResults ? jobsOf(data) : []
          onResults?.(jobIds)
          const verdict = await validate(from, data)
          if (verdict === 'accept') onAcceptedResults?.(jobIds)
          return verdict
        })
      },
      unsubscribe: topic => pubsub.unsubscribe(topic),
      publish(topic, data) {
        const counts = counted(topic)
        counts.published++
        counts.publishedBytes += data.byteLength
        return pubsub.publish(topic, data)
      },
      subscribers: topic => pubsub.subscribers(topic)
    }
  }
}

function jobsOf(data: Uint8Array): bigint[] {
  const { payload } = RecordEnvelope.createFromProtobuf(data)
  return ResultNotices.decode(payload).results.map(({ jobId }) => jobId)
}
