import { createHash } from 'node:crypto'
import { type GossipSub, type GossipsubOpts, StrictNoSign, TopicValidatorResult } from '@libp2p/gossipsub'
import type { PeerScoreParams, TopicScoreParams } from '@libp2p/gossipsub/score'
import { gossipHeartbeatMs, type PubSub, type Verdict } from '../interface/index.js'
import { connectionLimits, gossipsubLimits } from './limits.js'

const results: Record<Verdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject
}

/** Gossipsub as the stages see it. The service must have been made with `gossipsubOptions`. */
export function gossipsubPubsub(gossipsub: GossipSub): PubSub {
  const addPenalty = penaltyOf(gossipsub)
  return {
    subscribe(topic, validate) {
      gossipsub.topicValidators.set(
        topic,
        async (peer, { data }) => results[await validate(peer.toString(), data)]
      )
      gossipsub.subscribe(topic)
    },
    unsubscribe(topic) {
      // Where the network was stopped first, gossipsub has left all topics already.
      if (gossipsub.getTopics().includes(topic)) gossipsub.unsubscribe(topic)
      gossipsub.topicValidators.delete(topic)
    },
    penalise: peer => addPenalty(peer, 1, 'flood'),
    async publish(topic, data) {
      await gossipsub.publish(topic, data)
    },
    subscribers: topic => gossipsub.getSubscribers(topic).map(String)
  }
}

type AddPenalty = (peerId: string, penalty: number, label: string) => void

/** gossipsub's behaviour penalty (P7 below). The service's type keeps from us what the service has. */
function penaltyOf(gossipsub: GossipSub): AddPenalty {
  const score: unknown = 'score' in gossipsub ? gossipsub.score : undefined
  if (
    typeof score !== 'object' ||
    score === null ||
    !('addPenalty' in score) ||
    typeof score.addPenalty !== 'function'
  ) {
    throw new Error('This version of gossipsub takes no penalties')
  }
  return score.addPenalty.bind(score)
}

/** A peer's score; 0 for one that gossipsub does not know. The service's type keeps from us what the service has. */
export function peerScoreOf(gossipsub: GossipSub, peerId: string): number {
  if (!('getScore' in gossipsub) || typeof gossipsub.getScore !== 'function') return 0
  const score: unknown = gossipsub.getScore(peerId)
  return typeof score === 'number' ? score : 0
}

/**
 * The id of a message: SHA-256 of its topic and data. Messages carry no author or number of gossipsub's, as they are
 * signed envelopes already: signing twice costs most of the throughput.
 */
export function messageId(topic: string, data: Uint8Array): Uint8Array {
  // The zero byte ends the topic: no two pairs hash the same bytes.
  return createHash('sha256').update(topic).update('\0').update(data).digest()
}

export const scoreThresholds = {
  /** Below this, no gossip is exchanged: after two invalid messages. */
  gossip: -10,
  /** Below this, own messages are not sent to the peer: after four. */
  publish: -50,
  /** Below this, nothing of the peer is read: after five. */
  graylist: -80
} as const

/** The options of gossipsub for a node that takes part in these topics and no others. */
export function gossipsubOptions(topics: string[]): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: StrictNoSign,
    // Messages are passed on when ./forwarder.ts says so.
    asyncValidation: true,
    msgIdFn: ({ topic, data }) => messageId(topic, data),
    msgIdToStrFn: id => Buffer.from(id).toString('base64'),
    allowedTopics: topics,

    // The mesh, as Ethereum's consensus layer has it, for networks from a handful to thousands of nodes.
    D: 8,
    // Below this, a heartbeat grafts more.
    Dlo: 6,
    // Above this, a heartbeat prunes.
    Dhi: 12,
    // Of those kept on a prune, the best scored; the rest by lot.
    Dscore: 4,
    // Of those kept, at least these were dialled by this node, so that inbound strangers cannot fill the mesh.
    Dout: 2,
    // Peers outside the mesh that hear each heartbeat which messages there are.
    Dlazy: 6,
    heartbeatInterval: gossipHeartbeatMs,
    // Messages are told of for 3 heartbeats (2.1 s) and kept for 6, so that who asks late is still answered.
    mcacheGossip: 3,
    mcacheLength: 6,
    // Above the 30 s after which gossip refuses a batch as a replay; see ageLimits of src/gossip/limits.ts.
    seenTTL: 120_000,

    // A node's own messages go to all peers at once: one hop less for claims, and no wait for the first heartbeat. The
    // cost is bounded by the connections, 16 by default.
    floodPublish: true,
    // One encoding for all of them.
    batchPublish: true,
    emitSelf: false,
    fallbackToFloodsub: false,
    // Peers come from discovery and the DHT; peer exchange would let a peer choose our peers.
    doPX: false,
    // A lone node publishes too: its peers get what is open by re-announcement and sync.
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,

    maxInboundStreams: connectionLimits.gossipStreams,
    maxInboundDataLength: gossipsubLimits.inboundRpcBytes,
    maxOutboundBufferSize: gossipsubLimits.outboundBufferBytes,
    maxTopicBytesPerPeer: gossipsubLimits.topicBytesPerPeer,
    decodeRpcLimits: {
      maxSubscriptions: gossipsubLimits.rpcSubscriptions,
      maxMessages: gossipsubLimits.rpcMessages,
      maxControlMessages: gossipsubLimits.rpcControls,
      maxIhaveMessageIDs: gossipsubLimits.rpcMessageIds,
      maxIwantMessageIDs: gossipsubLimits.rpcMessageIds,
      maxIdontwantMessageIDs: gossipsubLimits.rpcIdontwantIds,
      maxPeerInfos: gossipsubLimits.rpcPeers
    },

    scoreParams: peerScore(topics),
    scoreThresholds: {
      gossipThreshold: scoreThresholds.gossip,
      publishThreshold: scoreThresholds.publish,
      graylistThreshold: scoreThresholds.graylist,
      // Peer exchange is off.
      acceptPXThreshold: 100,
      // When the median of the mesh is below this, better peers are grafted.
      opportunisticGraftThreshold: 1
    }
  }
}

/** How peers are scored. A peer of good behaviour is between 0 and 5; what counts is what it loses. */
function peerScore(topics: string[]): Partial<PeerScoreParams> {
  return {
    topics: Object.fromEntries(topics.map(topic => [topic, topicScore])),
    // Good behaviour cannot be saved up: one more invalid message, at most.
    topicScoreCap: 5,
    // P5: the stages do not score peers.
    appSpecificScore: () => 0,
    appSpecificWeight: 1,
    // P6: more than 10 peers on one address are penalised by the square of the excess. Not on the loopback interface,
    // where all peers share one address.
    IPColocationFactorWeight: -5,
    IPColocationFactorThreshold: 10,
    IPColocationFactorWhitelist: new Set(['127.0.0.1', '::1']),
    // P7: grafting during the back-off, promises of messages that never come, and floods (`penalise`). Six are forgiven, as
    // restarts cause some too; the ninth graylists. They fade by half in some 70 s.
    behaviourPenaltyWeight: -10,
    behaviourPenaltyThreshold: 6,
    behaviourPenaltyDecay: 0.99,
    decayInterval: 1_000,
    decayToZero: 0.01,
    // A peer that leaves and comes back within ten minutes keeps its bad score.
    retainScore: 600_000
  }
}

const topicScore: TopicScoreParams = {
  // Four topics of equal weight.
  topicWeight: 0.25,
  // P1: a long stay in the mesh earns up to 1: 1 per ten minutes times 0.1.
  timeInMeshWeight: 0.1,
  timeInMeshQuantum: 60_000,
  timeInMeshCap: 10,
  // P2: being first with messages earns up to 5; counters fade by half in 14 s.
  firstMessageDeliveriesWeight: 0.05,
  firstMessageDeliveriesDecay: 0.95,
  firstMessageDeliveriesCap: 100,
  // P3, P3b: off. They punish who delivers less than a steady rate, and a quiet network has none.
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 100,
  meshMessageDeliveriesThreshold: 20,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  // P4: rejected messages. Honest peers forward none, as all nodes reject by the same rules. The square of their count times
  // 14 and 0.25: -3.5, -14, -31, -56, -87. They fade by half in 90 s.
  invalidMessageDeliveriesWeight: -14,
  invalidMessageDeliveriesDecay: 0.9923
}
