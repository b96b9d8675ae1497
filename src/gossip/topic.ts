import type { NetworkIdentity } from '../interface/index.js'

/** The four kinds of message. */
export const topicKinds = ['jobs', 'leases', 'results', 'presence'] as const
export type TopicKind = (typeof topicKinds)[number]

/** Version of the wire format, the last part of each topic. */
export const topicVersion = 1

/** A topic, taken apart. */
export interface Topic {
  chainId: number
  /** The first 8 hex digits of the oracle's address, lowercase, without `0x`. */
  oraclePrefix: string
  kind: TopicKind
}

const pattern = /^\/buffalo\/([1-9][0-9]{0,15})-([0-9a-f]{8})\/([a-z]+)\/([1-9][0-9]{0,3})$/

/** The topic of one kind: `/buffalo/31337-5fbdb231/jobs/1`. */
export function topicOf(network: Pick<NetworkIdentity, 'chainId' | 'oracle'>, kind: TopicKind): string {
  return `/buffalo/${network.chainId}-${oraclePrefix(network)}/${kind}/${topicVersion}`
}

/** All topics of a network, in the order of `topicKinds`: what a node subscribes to, and all that it relays. */
export function topicsOf(network: Pick<NetworkIdentity, 'chainId' | 'oracle'>): string[] {
  return topicKinds.map(kind => topicOf(network, kind))
}

/** The parts of a topic; undefined for what is not one of this version. */
export function parseTopic(topic: string): Topic | undefined {
  const match = pattern.exec(topic)
  const [, chainId, prefix, kind, version] = match ?? []
  if (chainId === undefined || prefix === undefined || version !== String(topicVersion)) return undefined
  if (!Number.isSafeInteger(Number(chainId)) || !isTopicKind(kind)) return undefined
  return { chainId: Number(chainId), oraclePrefix: prefix, kind }
}

function isTopicKind(kind: string | undefined): kind is TopicKind {
  return topicKinds.some(known => known === kind)
}

function oraclePrefix({ oracle }: Pick<NetworkIdentity, 'oracle'>): string {
  return oracle.slice(2, 10).toLowerCase()
}
