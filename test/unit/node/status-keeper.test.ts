import { describe, expect, it } from 'vitest'
import { type NodeStatus, nodeStatusSchema } from '../../../node/status/node-status.js'
import { statusKeeper, writeIntervalMs } from '../../../node/status/status-keeper.js'
import { ListenError, type Logger, type SubmitProblem } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { aStatus } from './fixtures/a-status.js'

const { pid, host, version, peerId, network } = aStatus()
const account = `0x${'ab'.repeat(20)}` as const

function setup() {
  const clock = manualClock()
  const written: NodeStatus[] = []
  const said: { level: string; fields: object; message: string }[] = []
  const disk: { fails: boolean; gate: Promise<void> | undefined } = { fails: false, gate: undefined }
  const at = (level: string) => (fields: object, message: string) =>
    void said.push({ level, fields, message })
  const logger: Logger = {
    ...{ trace: at('trace'), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    child: () => logger
  }
  const file = {
    async write(status: NodeStatus) {
      await disk.gate
      if (disk.fails) throw new Error('ENOSPC: no space left on device')
      written.push(status)
    }
  }
  const init = { pid, host, version, peerId, network, role: 'worker' } as const
  const keeper = statusKeeper(init)({ file, clock, logger, rss: () => 1_000 })
  const last = (): NodeStatus => written.at(-1) as NodeStatus
  return {
    clock,
    keeper,
    written,
    said,
    disk,
    last,
    told: (level: string) => said.filter(line => line.level === level)
  }
}

const working = (problems: SubmitProblem[] = []) => ({
  network: { peers: () => ['a', 'b'], addresses: () => Array<string>(200).fill('/ip4/1.2.3.4/tcp/1') },
  chain: { health: () => ({ answeredMs: 5, isDown: false }) },
  disk: { isWritable: () => true },
  worker: {
    account,
    capacity: 2,
    models: () => ['m'],
    status: () => ({
      ...{ openJobs: 5, heldJobs: 2, runningJobs: 1, peers: 3, leases: 7, quietUntilMs: 0 },
      isClockRight: true,
      submission: {
        ...{ waitingResults: 1, pendingTransactions: 1, problems, payWei: 10n ** 15n },
        account: { balanceWei: 10n ** 18n, blockNumber: 12, atMs: 6 }
      }
    })
  }
})

const happened = (type: 'submission:sent' | 'job:final') =>
  ({ type, job: '', jobId: 1n, atMs: 0, txHash: '0x' }) as const

describe('the status that a node keeps', () => {
  it('behavior: it is written at the start, at each change, every five seconds, and once more at the end', async () => {
    const { keeper, clock, written, last } = setup()
    await keeper.start()
    expect(last()).toMatchObject({
      state: 'starting',
      pid,
      peerId,
      addresses: [],
      worker: null,
      problems: []
    })
    keeper.onStep('waiting for the chain')
    await clock.settle()
    expect(last()).toMatchObject({ state: 'starting', step: 'waiting for the chain' })

    keeper.add(working())
    keeper.onReady()
    await clock.settle()
    expect(last()).toMatchObject({ state: 'ready', step: null, readyAtMs: clock.now(), peers: 2 })
    const before = written.length
    await clock.advance(3 * writeIntervalMs)
    expect(written.length).toBe(before + 3)
    expect(last().writtenAtMs).toBe(clock.now())

    keeper.onStopping()
    await clock.settle()
    expect(last().state).toBe('stopping')
    await keeper.stop()
    expect(last()).toMatchObject({ state: 'stopped', failure: null })
    const end = written.length
    await keeper.stop()
    keeper.onStopping()
    await clock.advance(10 * writeIntervalMs)
    expect(written.length).toBe(end)
  })

  it('behavior: all that is written can be read, whatever the parts say', async () => {
    const { keeper, last } = setup()
    keeper.add(working(['no funds']))
    keeper.onEvent(happened('job:final'))
    keeper.onFailure(new ListenError(`Line one\nline two\u001b[2J${'x'.repeat(2_000)}`))
    keeper.onFailure(new Error('a later one'))
    keeper.onReady()
    await keeper.start()
    expect(nodeStatusSchema.parse(JSON.parse(JSON.stringify(last())))).toEqual(last())
    expect(last()).toMatchObject({
      problems: ['no-funds'],
      events: { 'job:final': 1 },
      chain: { answeredMs: 5, blockNumber: 12 },
      worker: {
        account,
        models: 1,
        workers: 3,
        balanceWei: '1000000000000000000',
        payWei: '1000000000000000'
      },
      failure: { code: 'BUFFALO_ERR_LISTEN', message: expect.stringMatching(/^Line one line two \[2Jx+$/) }
    })
    expect(last().addresses).toHaveLength(100)
  })

  it('behavior: a problem that comes or goes is written within a second', async () => {
    const { keeper, clock, written, last } = setup()
    let isWritable = true
    keeper.add({ ...working(), disk: { isWritable: () => isWritable } })
    await keeper.start()
    keeper.onReady()
    await clock.advance(1_000)
    const before = written.length
    isWritable = false
    await clock.advance(1_000)
    expect(last().problems).toEqual(['disk-full'])
    isWritable = true
    await clock.advance(1_000)
    expect(last().problems).toEqual([])
    expect(written.length).toBe(before + 2)
    await keeper.stop()
  })

  it('behavior: a sequencer and its subgraph', async () => {
    const { keeper, clock } = setup()
    const status = {
      openJobs: 3,
      blockNumber: undefined,
      subgraphReadMs: undefined,
      hasIndexingErrors: false
    }
    keeper.add({ network: working().network, sequencer: { status: () => status } })
    keeper.onReady()
    expect(keeper.status()).toMatchObject({
      sequencer: { openJobs: 3, blockNumber: null, subgraphReadMs: null },
      problems: []
    })
    await clock.advance(31_000)
    expect(keeper.status().problems).toEqual(['subgraph-down'])
  })

  it('behavior: a write that is under way is followed by one with the latest, and never passed by it', async () => {
    const { keeper, clock, written, disk } = setup()
    const gate = Promise.withResolvers<void>()
    disk.gate = gate.promise
    const started = keeper.start()
    keeper.onReady()
    keeper.onStopping()
    const stopped = keeper.stop()
    await clock.settle()
    expect(written).toEqual([])
    gate.resolve()
    await Promise.all([started, stopped])
    expect(written.map(({ state }) => state)).toEqual(['starting', 'stopped'])
  })

  it('behavior: a full disk ends nothing, and is said once an hour at most', async () => {
    const { keeper, clock, written, disk, told } = setup()
    disk.fails = true
    await keeper.start()
    await clock.advance(20 * writeIntervalMs)
    expect(told('warn')).toHaveLength(1)
    expect(told('warn')[0]?.message).toContain('cannot be written')
    disk.fails = false
    await clock.advance(writeIntervalMs)
    expect(written).toHaveLength(1)
    disk.fails = true
    await clock.advance(20 * writeIntervalMs)
    expect(told('warn')).toHaveLength(1)
    disk.fails = false
    await clock.advance(3_600_000)
    disk.fails = true
    await clock.advance(writeIntervalMs)
    expect(told('warn')).toHaveLength(2)
    await keeper.stop()
  })

  it('behavior: once an hour the main numbers go to the log, with what happened in that hour', async () => {
    const { keeper, clock, told } = setup()
    keeper.add(working())
    await keeper.start()
    keeper.onReady()
    for (let i = 0; i < 3; i++) keeper.onEvent(happened('submission:sent'))
    await clock.advance(3_600_000)
    keeper.onEvent(happened('submission:sent'))
    await clock.advance(3_600_000)
    await keeper.stop()
    const hours = told('info').map(({ fields }) => fields)
    expect(hours).toMatchObject([
      {
        state: 'ready',
        problems: [],
        peers: 2,
        openJobs: 5,
        runningJobs: 1,
        balanceWei: '1000000000000000000'
      },
      { happened: { 'submission:sent': 1 } }
    ])
    expect(hours[0]).toMatchObject({ happened: { 'submission:sent': 3 }, blockNumber: 12 })
  })
})
