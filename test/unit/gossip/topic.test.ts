import { describe, expect, test } from 'vitest'
import { parseTopic, topicOf, topicsOf } from '../../../src/gossip/topic.js'
import { network } from './fakes.js'

describe('topic', () => {
  test('names: a topic holds chain, oracle, kind and version', () => {
    expect(topicOf(network, 'jobs')).toBe('/buffalo/31337-5fbdb231/jobs/1')
    expect(topicsOf(network)).toEqual([
      '/buffalo/31337-5fbdb231/jobs/1',
      '/buffalo/31337-5fbdb231/leases/1',
      '/buffalo/31337-5fbdb231/results/1',
      '/buffalo/31337-5fbdb231/presence/1'
    ])
  })

  test('parsing: every topic reads back as what it was made of', () => {
    for (const topic of topicsOf(network)) {
      expect(parseTopic(topic)).toEqual({
        chainId: 31337,
        oraclePrefix: '5fbdb231',
        kind: topic.split('/')[3]
      })
    }
  })

  test.each([
    '',
    '/buffalo/31337-5fbdb231/jobs/2',
    '/buffalo/31337-5fbdb231/jobs/01',
    '/buffalo/31337-5fbdb231/secrets/1',
    '/buffalo/31337-5FBDB231/jobs/1',
    '/buffalo/31337-5fbdb23/jobs/1',
    '/buffalo/031337-5fbdb231/jobs/1',
    '/buffalo/99999999999999999-5fbdb231/jobs/1',
    '/buffalo/31337-5fbdb231/jobs/1/',
    'x/buffalo/31337-5fbdb231/jobs/1',
    '/other/31337-5fbdb231/jobs/1'
  ])('parsing: %j is no topic', topic => {
    expect(parseTopic(topic)).toBeUndefined()
  })
})
