import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { NodeStatus } from '../../../node/status/node-status.js'
import { describe as described } from '../../../node/status/present.js'
import { problemsOf, problemText } from '../../../node/status/problems.js'
import { duration, judge, type Surroundings } from '../../../node/status/verdict.js'
import { aStatus, aTimeMs } from './fixtures/a-status.js'

const minuteMs = 60_000

function judged(
  change: Partial<NodeStatus> = {},
  surroundings: Partial<Surroundings> = {},
  touchedMs = change.writtenAtMs ?? aTimeMs
) {
  return judge({ kind: 'status', status: aStatus(change), touchedMs }, '/data', {
    nowMs: aTimeMs + 2_000,
    host: 'here',
    bootMs: aTimeMs - 1e9,
    isAlive: () => true,
    ...surroundings
  })
}

describe('the verdict on a node', () => {
  it('behavior: one that is alive, fresh, ready and without problems is ok', () => {
    expect(judged()).toMatchObject({ condition: 'running', ok: true, says: 'running', problems: [] })
  })

  it('behavior: one that cannot work is not ok, and it is said why and what to do', () => {
    const verdict = judged({ problems: ['no-funds', 'chain-down', 'not-known-yet'] })
    expect(verdict).toMatchObject({
      condition: 'running',
      ok: false,
      says: 'running, but something is wrong'
    })
    expect(verdict.problems.map(({ text }) => text)).toEqual([
      expect.stringMatching(/Account 0x(ab)+ cannot pay.*holds 1\.5 ether.*send it funds on chain 31337/),
      expect.stringContaining('--rpc-url'),
      'It reports the problem "not-known-yet": see its log'
    ])
  })

  it.each([
    [
      { state: 'starting', step: 'waiting for the chain' } as const,
      'starting',
      /^starting for 2 h 6 min: waiting for the chain$/
    ],
    [{ state: 'stopping' } as const, 'stopping', /^stopping$/],
    [{ state: 'stopped' } as const, 'stopped', /^not running \(ended cleanly 2 s ago\)$/],
    [
      { state: 'stopped', failure: { code: 'BUFFALO_ERR_LISTEN', message: 'The port is in use' } } as const,
      'failed',
      /^not running \(ended 2 s ago: The port is in use \[BUFFALO_ERR_LISTEN\]\)$/
    ]
  ])('behavior: %j is %s', (change, condition, says) => {
    const verdict = judged(change)
    expect(verdict).toMatchObject({ condition, ok: false })
    expect(verdict.says).toMatch(says)
  })

  it('behavior: a process that has been silent for long does not respond', () => {
    const verdict = judged({}, { nowMs: aTimeMs + 3 * minuteMs })
    expect(verdict).toMatchObject({
      condition: 'not-responding',
      ok: false,
      says: 'not responding (last wrote 3 min ago)'
    })
    expect(verdict.advice).toMatch(/kill 4711.*start it again.*--role worker --data-dir \/data/)
    // As a clock that was set back shows it.
    expect(judged({}, { nowMs: aTimeMs - 3 * minuteMs }).condition).toBe('not-responding')
    expect(judged({}, { nowMs: aTimeMs + 29_000 }).condition).toBe('running')
  })

  it('behavior: a process that is gone has ended without saying so, be the file fresh or not', () => {
    for (const nowMs of [aTimeMs + 2_000, aTimeMs + 3 * minuteMs]) {
      const verdict = judged({}, { nowMs, isAlive: pid => pid !== 4711 })
      expect(verdict).toMatchObject({ condition: 'lost', ok: false })
      expect(verdict.says).toMatch(/^not running \(ended without saying so; last wrote/)
    }
    // The pid is another program's since the machine was started.
    expect(judged({}, { nowMs: aTimeMs + 9 * minuteMs, bootMs: aTimeMs + minuteMs }).condition).toBe('lost')
  })

  it('behavior: of a node in another container only the file is looked at', () => {
    const elsewhere = { host: 'there', isAlive: () => false }
    expect(judged({}, elsewhere)).toMatchObject({ condition: 'running', ok: true })
    expect(judged({}, { ...elsewhere, nowMs: aTimeMs + minuteMs }).condition).toBe('not-responding')
  })

  it('behavior: a node that cannot write its file any more still runs, and something is wrong', () => {
    const nowMs = aTimeMs + 3 * minuteMs
    const verdict = judged({ problems: ['no-peers'] }, { nowMs }, nowMs - 1_000)
    expect(verdict).toMatchObject({
      condition: 'running',
      ok: false,
      problems: [{ code: 'status-unwritten' }, { code: 'no-peers' }]
    })
  })

  it('behavior: what cannot be read is told, with what to do', () => {
    const surroundings = { nowMs: aTimeMs, host: '', bootMs: 0, isAlive: () => true }
    const absent = judge({ kind: 'absent' }, '/data', surroundings)
    expect(absent).toMatchObject({
      condition: 'absent',
      ok: false,
      advice: expect.stringContaining('--data-dir')
    })
    const broken = judge({ kind: 'unreadable', why: 'it is not JSON' }, '/data', surroundings)
    expect(broken).toMatchObject({ condition: 'unreadable', ok: false })
    expect(described(broken, '/data', aTimeMs)).toMatch(
      /^node in \/data: unknown \(.*it is not JSON\)\n {2}\S/
    )
  })
})

describe('what is told of a node', () => {
  it('behavior: a worker that runs is described line by line', () => {
    const text = described(judged(), '.buffalo/worker-1', aTimeMs + 2_000)
    expect(text.split('\n')).toEqual([
      expect.stringMatching(/^worker 12D3\w+ in \.buffalo\/worker-1: running$/),
      '  state       ready for 2 h 5 min; process 4711, version 0.1.0, 200 MB',
      expect.stringMatching(/^ {2}network +chain 31337, Oracle 0x/),
      '  peers       2 connected, 1 other worker',
      '  address     /ip4/127.0.0.1/tcp/9470',
      '  chain       answered 3 s ago, block 12',
      expect.stringMatching(/^ {2}account +0x(ab)+, 1\.5 ether \(6 s ago\)$/),
      '  jobs        5 open, 1 held, 1 of 2 running; 0 results and 1 transaction on their way; 12 models',
      '  so far      3 taken, 2 on chain'
    ])
  })

  it('behavior: a sequencer tells of the subgraph; of a node that is gone only that is told', () => {
    const sequencer = { openJobs: 4, blockNumber: 9, subgraphReadMs: aTimeMs, hasIndexingErrors: false }
    const change = { role: 'sequencer', worker: null, sequencer } as const
    const text = described(judged(change), 'd', aTimeMs + 2_000)
    expect(text).toMatch(/peers +2 connected\n[^]*subgraph +read 2 s ago, up to block 9\n +jobs +4 open\n/)
    expect(described(judged({ ...change, state: 'stopped' }), 'd', aTimeMs).split('\n')).toHaveLength(2)
  })

  it.each([
    [0, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [3_599_000, '59 min'],
    [7_500_000, '2 h 5 min'],
    [7_200_000, '2 h'],
    [90_000_000, '1 d 1 h'],
    [-5, '0 s']
  ])('behavior: %d ms are %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })
})

describe('the problems of a node', () => {
  const sources = {
    nowMs: aTimeMs,
    isWritable: true,
    quietUntilMs: 0,
    isClockRight: true,
    submitProblems: []
  }
  const sequencer = { openJobs: 0, blockNumber: 1, subgraphReadMs: aTimeMs, hasIndexingErrors: false }

  it('behavior: there are none while all is well', () => {
    expect(problemsOf(aStatus(), sources)).toEqual([])
    expect(problemsOf(aStatus({ sequencer }), sources)).toEqual([])
  })

  it('behavior: each has its code, and each code its words', () => {
    const status = aStatus({
      peers: 0,
      chain: { answeredMs: null, isDown: true, blockNumber: null },
      sequencer: { ...sequencer, subgraphReadMs: aTimeMs - 31_000, hasIndexingErrors: true }
    })
    const all = problemsOf(status, {
      nowMs: aTimeMs,
      isWritable: false,
      quietUntilMs: aTimeMs + 1,
      isClockRight: false,
      submitProblems: [
        'no funds',
        'gas price',
        'cost',
        'not registered',
        'another node',
        'unknown transactions'
      ]
    })
    expect(all).toEqual([
      ...[
        'no-peers',
        'chain-down',
        'disk-full',
        'old-leases',
        'wrong-clock',
        'subgraph-down',
        'subgraph-errors'
      ],
      ...['no-funds', 'gas-price', 'cost', 'not-registered', 'another-node', 'unknown-transactions']
    ])
    // The page for operators knows them all.
    const page = readFileSync(new URL('../../../docs/operators.md', import.meta.url), 'utf8')
    expect([...all, 'status-unwritten'].filter(code => !page.includes(`\`${code}\``))).toEqual([])
    expect(
      all.map(code => problemText(code, status)).filter(text => text.includes('reports the problem'))
    ).toEqual([])
  })

  it('behavior: a subgraph that is not read within half a minute of the start is one that cannot be read', () => {
    const never = { ...sequencer, subgraphReadMs: null }
    const readySince = (ms: number) => aStatus({ sequencer: never, readyAtMs: aTimeMs - ms })
    expect(problemsOf(readySince(1_000), sources)).toEqual([])
    expect(problemsOf(readySince(31_000), sources)).toEqual(['subgraph-down'])
  })
})
