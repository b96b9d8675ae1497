import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AbiCoder } from 'ethers'
import { describe, expect, it } from 'vitest'
import { encodePng } from '../../models/tools/png.js'
import type { NodeEvent } from '../../src/interface/index.js'
import { heldInput } from '../helpers/held-input.js'
import { createTestNetwork, type TestNetwork, type TestNode } from '../helpers/node-process.js'
import { root } from '../unit/project/source-files.js'

const picture = readFileSync(join(root, 'node/testnet/samples/hello.png'))
/** Nothing to read, and little to look at. */
const blank = encodePng({ width: 16, height: 16, data: new Uint8Array(16 * 16 * 3).fill(255) })
const text = 'Hello from the network'

const count = (type: NodeEvent['type'], nodes: TestNode[], jobId: bigint): number =>
  nodes.flatMap(({ events }) => events).filter(event => event.type === type && event.jobId === jobId).length

const executions = (nodes: TestNode[], jobId: bigint): number => count('execution:started', nodes, jobId)

/** Asks, waits for the answer, and checks what the client was called back with. */
async function expectAnswer(
  network: TestNetwork,
  asked: { jobId: bigint; callbackId: bigint }
): Promise<void> {
  const job = await network.final(asked.jobId)
  expect(job).toMatchObject({ status: 'succeeded', result: { callbackSucceeded: true } })
  const stored = await network.stored(asked.callbackId)
  expect(AbiCoder.defaultAbiCoder().decode(['string'], stored.data)[0]).toBe(text)
}

describe('faults of processes', () => {
  it('behavior: a job of a worker killed while it runs is finished by another, once; the killed one comes back as itself', async () => {
    const network = await createTestNetwork()
    const input = await heldInput(picture)
    await network.start('sequencer', 'sequencer')
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

    // It may fall to either, and runs until its input comes. Who renews its lease has it: on a slow machine the other may have
    // claimed it, too, before it heard of that, and has given way.
    const asked = await network.askFromLocation(input.location)
    const isHolder = (event: { type: string }): boolean => event.type === 'lease:renewed'
    const victim = await Promise.race(workers.map(async node => node.waitForEvent(isHolder).then(() => node)))
    await victim.kill()
    input.release()
    expect(count('execution:started', [victim], asked.jobId)).toBeGreaterThan(0)
    expect(count('execution:finished', [victim], asked.jobId)).toBe(0)
    const survivor = workers.find(node => node !== victim)
    if (survivor === undefined) throw new Error('no survivor')

    await expectAnswer(network, asked)
    const { result } = await network.final(asked.jobId)
    expect(result?.account).toBe(survivor.ready.account)
    expect(count('execution:finished', [survivor], asked.jobId)).toBe(1)

    const name = victim === workers[0] ? 'worker-1' : 'worker-2'
    const restarted = await network.start('worker', name, ['--account-index', name.slice(-1)])
    expect(restarted.ready).toMatchObject({ peerId: victim.ready.peerId, account: victim.ready.account })
    await survivor.stop()
    await expectAnswer(network, await network.ask(picture, '0x02'))
    expect(executions([restarted], asked.jobId)).toBe(0)
  })

  it('behavior: with a sequencer killed, another carries on; a restarted one announces what came while none was there', async () => {
    const network = await createTestNetwork()
    const [first, second] = await Promise.all([
      network.start('sequencer', 'sequencer-1'),
      network.start('sequencer', 'sequencer-2')
    ])
    const worker = await network.start('worker', 'worker')
    await expectAnswer(network, await network.ask(picture))

    await first.kill()
    await expectAnswer(network, await network.ask(picture, '0x02'))

    await second.kill()
    const unheard = await network.ask(picture, '0x03')
    const restarted = await network.start('sequencer', 'sequencer-1')
    expect(restarted.ready.peerId).toBe(first.ready.peerId)
    await expectAnswer(network, unheard)
    for (let jobId = 1n; jobId <= 3n; jobId++) expect(executions([worker], jobId)).toBe(1)
  })

  it('behavior: 250 jobs created while no node runs all succeed once nodes run again, each once', async () => {
    const jobs = 250
    const network = await createTestNetwork()
    const before = [await network.start('sequencer', 'sequencer'), await network.start('worker', 'worker-1')]
    await expectAnswer(network, await network.ask(picture))
    for (const node of before) await node.stop()

    // Some at a time: each waits for its block.
    const seeds = Array.from(
      { length: jobs },
      (_, n) => `0x${(n + 1).toString(16).padStart(8, '0')}` as const
    )
    while (seeds.length > 0) await Promise.all(seeds.splice(0, 10).map(seed => network.ask(blank, seed)))

    await network.start('sequencer', 'sequencer')
    const workers = await Promise.all(
      [1, 2].map(n => network.start('worker', `worker-${n}`, ['--account-index', `${n}`]))
    )
    for (let jobId = 2n; jobId <= jobs + 1; jobId++) {
      expect(await network.final(jobId, 300_000)).toMatchObject({ id: jobId, status: 'succeeded' })
      expect([jobId, executions(workers, jobId)]).toEqual([jobId, 1])
    }
    // The machine's work for a minute, and so many where others want it, too.
  }, 600_000)
})
