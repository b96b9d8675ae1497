import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { score } from '../../src/lease/score.js'
import { peerKeyOfString } from '../../src/network/identity.js'
import { heldInput } from '../helpers/held-input.js'
import { createTestNetwork, type ProgramResult, runProgram } from '../helpers/node-process.js'
import { root } from '../unit/project/source-files.js'

const picture = readFileSync(join(root, 'node/testnet/samples/hello.png'))

interface Told {
  ok: boolean
  job: { id: string; status: string; worker: string }
  events: {
    type: string
    node: string | null
    saidBy: string[]
    text: string
    jobKey: string
    sinceMs: number
  }[]
  winner: { worker: string; account: string; why: string } | null
  nodes: { peerId: string; role: string; reached: boolean; clockOffsetMs: number | null }[]
  notes: string[]
}

const told = (result: ProgramResult): Told => result.json() as unknown as Told

it('behavior: explain tells the story of a job whose worker was killed and which another finished', async () => {
  const network = await createTestNetwork()
  const input = await heldInput(picture)
  const sequencer = await network.start('sequencer', 'sequencer')
  const workers = await Promise.all(
    [1, 2].map(n =>
      network.start('worker', `worker-${n}`, [
        '--account-index',
        `${n}`,
        '--lease-ms',
        '3000',
        ...input.flags
      ])
    )
  )
  // The job runs until its input comes, and who renews its lease has it.
  const { jobId } = await network.askFromLocation(input.location)
  const isHolder = (event: { type: string }): boolean => event.type === 'lease:renewed'
  const victim = await Promise.race(workers.map(async node => node.waitForEvent(isHolder).then(() => node)))
  await victim.kill()
  input.release()
  const survivor = workers.find(node => node !== victim)
  if (survivor === undefined) throw new Error('no survivor')
  await survivor.waitForEvent(({ type }) => type === 'job:final')
  const [dead, alive] = [victim.ready.peerId, survivor.ready.peerId]

  const explain = (id: bigint, args: string[]) =>
    runProgram(['explain', `${id}`, '--network-file', network.networkFile, ...args])
  // Nothing but one address: the others are found by way of it. And neither subgraph nor chain.
  const { peers: _, ...withoutPeers } = JSON.parse(readFileSync(network.networkFile, 'utf8'))
  const lonely = join(network.directory, 'lonely.json')
  writeFileSync(
    lonely,
    JSON.stringify({ ...withoutPeers, subgraph: 'http://127.0.0.1:9', rpc: 'http://127.0.0.1:9' })
  )
  const [address = ''] = sequencer.ready.addresses
  // One after the other: each hashes, dials and waits, and the nodes share the machine with them.
  const json = await explain(jobId, ['--json', '--time-limit', '20'])
  const text = await explain(jobId, ['--time-limit', '20'])
  const [unknown, nodesOnly] = await Promise.all([
    explain(99n, ['--json']),
    runProgram([
      'explain',
      `${jobId}`,
      '--network-file',
      lonely,
      '--bootstrap',
      address,
      '--time-limit',
      '8',
      '--json'
    ])
  ])

  const story = told(json)
  expect(story).toMatchObject({ ok: true, job: { id: `${jobId}`, status: 'succeeded', worker: alive } })
  const node = (peerId: string, role: string, reached: boolean) =>
    expect.objectContaining({ peerId, role, reached })
  expect(story.nodes).toEqual([
    node(sequencer.ready.peerId, 'sequencer', true),
    node(alive, 'worker', true),
    node(dead, 'worker', false)
  ])
  // On a slow machine the survivor may claim, too, before it hears of the other's claim, and gives way: that is left out.
  const expiredAt = story.events.findIndex(({ type, node }) => type === 'expired' && node === dead)
  const steps = story.events.filter(
    ({ type, node }, at) =>
      !['indexed', 'announced', 'verified', 'lost', 'released'].includes(type) &&
      (node !== alive || at > expiredAt)
  )
  expect(steps.map(({ type, node }) => [type, node])).toEqual([
    ['created', null],
    ['claimed', dead],
    ['expired', dead],
    ['claimed', alive],
    ['acquired', alive],
    ['started', alive],
    ['finished', alive],
    ['sent', alive],
    ['succeeded', alive],
    ['callback', null],
    ['accepted', alive],
    ['final', null]
  ])
  const [, firstClaim] = steps
  const job = firstClaim?.jobKey ?? ''
  const rank = score(job, peerKeyOfString(dead)) < score(job, peerKeyOfString(alive)) ? 0 : 1
  expect(firstClaim?.text).toContain(`rank ${rank} by score`)
  expect(firstClaim?.saidBy.toSorted()).toEqual([alive, sequencer.ready.peerId].toSorted())
  expect(story.winner).toMatchObject({ worker: alive, account: survivor.ready.account })
  expect(story.winner?.why).toMatch(
    new RegExp(`^the lease of ${dead} expired at .*, take-over by ${alive} in slot \\d+$`)
  )
  const reached = story.nodes.filter(node => node.reached)
  // Their clock is one; what is found is as good as the fastest of some round trips.
  expect(reached.every(({ clockOffsetMs }) => Math.abs(clockOffsetMs ?? Number.NaN) < 2_000)).toBe(true)
  expect(story.notes).toEqual([])

  expect([text.code, text.stderr]).toEqual([0, expect.any(String)])
  expect(text.stdout).toMatch(/ ms {2}worker …\w{6} {5}claims in slot \d+, rank \d, score /)
  expect(text.stdout).toContain(`${dead} not reached: nobody answers at its address: it is down`)

  expect(unknown.code).toBe(1)
  expect(unknown.json()).toMatchObject({ ok: false, error: { code: 'BUFFALO_ERR_NOT_FOUND' } })

  expect(told(nodesOnly)).toMatchObject({ ok: true, job: { id: `${jobId}` }, winner: { worker: alive } })
  expect(told(nodesOnly).notes).toHaveLength(2)
  expect(
    told(nodesOnly)
      .nodes.filter(({ reached }) => reached)
      .map(({ peerId }) => peerId)
  ).toEqual([sequencer.ready.peerId, alive])
})
