import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../node/paths.js'
import { runProgram, startProgram } from '../helpers/node-process.js'

const texts = Object.values(
  JSON.parse(readFileSync(join(packageRoot, 'node/testnet/samples/samples.json'), 'utf8')) as Record<
    string,
    string
  >
)

interface Report {
  ok: boolean
  rpc: string
  nodes: { role: string; peerId: string; account?: string; pid: number }[]
  jobs: {
    id: string
    status: string
    worker: string
    account: string
    executions: number
    output: string
    txHash: string
    latencyMs: number
  }[]
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // ESRCH: there is no such process any more.
    return false
  }
}

describe('testnet', () => {
  it('behavior: real jobs are answered once each, by several workers, and nothing is left behind', async () => {
    const result = await runProgram([
      'testnet',
      '--workers',
      '3',
      '--sequencers',
      '2',
      '--jobs',
      '6',
      '--json'
    ])
    expect(result.stderr).not.toContain('error:')
    // With what is wrong, where something is.
    expect([result.code, result.json()['error']]).toEqual([0, undefined])
    expect(result.stdout.trimEnd().split('\n')).toHaveLength(1)

    const report = result.json() as unknown as Report
    const address = expect.stringMatching(/^0x[0-9a-fA-F]{40}$/)
    const peerId = expect.stringMatching(/^12D3KooW/)
    expect(report).toMatchObject({
      ok: true,
      chainId: 31_337,
      rpc: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      subgraph: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\//),
      oracle: address,
      client: address
    })
    const workers = report.nodes.filter(({ role }) => role === 'worker')
    expect(report.nodes.filter(({ role }) => role === 'sequencer')).toHaveLength(2)
    expect(workers).toHaveLength(3)
    for (const node of report.nodes) expect(node).toMatchObject({ peerId, pid: expect.any(Number) })

    expect(report.jobs.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6'])
    for (const job of report.jobs) {
      expect(job).toMatchObject({
        task: 'image-to-text',
        status: 'succeeded',
        executions: 1,
        txHash: expect.stringMatching(/^0x[0-9a-f]{64}$/),
        latencyMs: expect.any(Number)
      })
      expect(texts).toContain(job.output)
      expect(workers).toContainEqual(expect.objectContaining({ peerId: job.worker, account: job.account }))
    }
    expect(new Set(report.jobs.map(({ output }) => output)).size).toBe(6)
    expect(new Set(report.jobs.map(({ worker }) => worker)).size).toBeGreaterThanOrEqual(2)

    expect(report.nodes.filter(({ pid }) => isAlive(pid))).toEqual([])
    await expect(blockNumber(report.rpc)).rejects.toThrow()
  })

  it('behavior: what is not done in time fails with the reason, and ends everything', async () => {
    const result = await runProgram(['testnet', '--workers', '1', '--jobs', '1', '--timeout', '1', '--json'])
    expect(result.code).toBe(1)
    expect(result.json()).toMatchObject({
      ok: false,
      error: { code: 'BUFFALO_ERR_TIMEOUT', message: expect.stringContaining('--timeout') }
    })
  })

  it('behavior: --keep leaves the network up until Ctrl+C', async () => {
    const { child, line, result } = startProgram([
      'testnet',
      '--workers',
      '1',
      '--jobs',
      '1',
      '--keep',
      '--json'
    ])
    const report = JSON.parse(await line(/^\{/)) as Report & { networkFile: string }
    expect(report.ok).toBe(true)
    expect(await blockNumber(report.rpc)).toBeGreaterThan(0)
    const jobs = await runProgram(['jobs', '--network-file', report.networkFile, '--json'])
    expect(jobs.json()).toMatchObject({ ok: true, jobs: [{ id: '1', status: 'succeeded' }] })

    child.kill('SIGINT')
    expect((await result).code).toBe(0)
    expect(report.nodes.filter(({ pid }) => isAlive(pid))).toEqual([])
  })
})

async function blockNumber(rpc: string): Promise<number> {
  const answer = await fetch(rpc, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_blockNumber', params: [] })
  })
  return Number(((await answer.json()) as { result: string }).result)
}
