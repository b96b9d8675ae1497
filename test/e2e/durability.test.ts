import { readFileSync } from 'node:fs'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stopTimeoutMs } from '../../node/stop-signal.js'
import { localTiming, type NodeEvent } from '../../src/interface/index.js'
import { createTestNetwork, type TestNode } from '../helpers/node-process.js'
import { root } from '../unit/project/source-files.js'

const picture = readFileSync(join(root, 'node/testnet/samples/hello.png'))

const started = (event: NodeEvent): boolean => event.type === 'execution:started'
const times = (node: TestNode, type: NodeEvent['type'], jobId: bigint): number[] =>
  node.events.filter(event => event.type === type && event.jobId === jobId).map(({ atMs }) => atMs)

async function overwriteManifest(dataDir: string): Promise<void> {
  const db = join(dataDir, 'db')
  const manifest = (await readdir(db)).find(name => name.startsWith('MANIFEST-'))
  if (manifest === undefined) throw new Error('no MANIFEST')
  const { length } = await readFile(join(db, manifest))
  await writeFile(join(db, manifest), new Uint8Array(length))
}

it('behavior: a worker with an older copy of its data, and a sequencer with a damaged database, answer each job once', async () => {
  const network = await createTestNetwork()
  const dataDir = join(network.directory, 'worker')
  const sequencer = await network.start('sequencer', 'sequencer')
  const worker = await network.start('worker', 'worker')

  // A graceful stop while a job runs: the job is finished, and the process ends within its time.
  const first = await network.ask(picture, '0x01')
  await worker.waitForEvent(started)
  const toldMs = performance.now()
  await worker.stop()
  expect(performance.now() - toldMs).toBeLessThan(stopTimeoutMs)
  expect(await network.final(first.jobId)).toMatchObject({ status: 'succeeded' })

  // The node runs on after its data was copied, and is killed; then the copy is put back.
  const backup = join(network.directory, 'backup')
  await cp(dataDir, backup, { recursive: true })
  const second = await network.ask(picture, '0x02')
  const ranOn = await network.start('worker', 'worker')
  // It is the database of the last run: nothing is waited for.
  expect(await network.final(second.jobId)).toMatchObject({ status: 'succeeded' })
  await ranOn.kill()
  await rm(dataDir, { recursive: true })
  await cp(backup, dataDir, { recursive: true })

  await sequencer.kill()
  await overwriteManifest(join(network.directory, 'sequencer'))

  const third = await network.ask(picture, '0x03')
  const restoredMs = Date.now()
  const [mended, restored] = await Promise.all([
    network.start('sequencer', 'sequencer'),
    network.start('worker', 'worker')
  ])
  expect(mended.process.log().join('\n')).toContain('was set aside')
  expect(restored.process.log().join('\n')).toContain('no job is claimed until earlier leases have run out')
  const files = await readdir(join(network.directory, 'sequencer'))
  expect(files.filter(name => name.startsWith('db.corrupt-'))).toHaveLength(1)

  expect(await network.final(third.jobId)).toMatchObject({ status: 'succeeded' })
  const [acquiredMs = 0] = times(restored, 'lease:acquired', third.jobId)
  const { leaseMs, slotMs, skewMs } = localTiming
  expect(acquiredMs).toBeGreaterThanOrEqual(restoredMs + leaseMs + slotMs + skewMs)
  // Neither forgotten nor done again.
  for (const { jobId } of [first, second]) expect(times(restored, 'execution:started', jobId)).toEqual([])
  expect(times(restored, 'execution:started', third.jobId)).toHaveLength(1)
  // The wait of L + Δ + ε, and five starts of nodes.
}, 200_000)
