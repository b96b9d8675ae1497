import { Interface } from 'ethers'
import { gql, request } from 'graphql-request'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, mined, price, success } from '../../unit/contracts/fixture.js'
import { post, type SubgraphFixture, startSubgraphFixture } from '../../unit/subgraph/fixture.js'

/** Enough for three pages of 1,000. */
const jobCount = 2_500
const jobsPerBlock = 50

const jobIdOf = (id: number) => `0x${id.toString(16).padStart(64, '0')}`

/** What graph-node says, word for word where a client can see it. */
describe('the query language of graph-node', () => {
  let fixture: SubgraphFixture
  beforeAll(async () => {
    // Slower than elsewhere: the chain has enough to do with the jobs.
    fixture = await startSubgraphFixture({ pollIntervalMs: 1_000 })
    await createJobs(fixture)
    await fixture.indexed()
  })
  afterAll(() => fixture?.stop())

  const answer = (query: string, variables?: object) => post(fixture.runner.url, query, variables)
  async function ids(args: string): Promise<number[]> {
    const { data, errors } = await answer(`{ jobs(${args}) { id } }`)
    expect(errors).toBeUndefined()
    return (data?.jobs as { id: string }[]).map(job => Number(job.id))
  }
  const message = async (query: string) => {
    const { status, data, errors } = await answer(query)
    expect(status).toBe(200)
    expect(data).toBeUndefined()
    expect(errors).toHaveLength(1)
    return errors?.[0]?.message
  }
  const range = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index)

  it('behavior: pages by id_gt give every job once, in order', async () => {
    const query = gql`
      query Page($after: Bytes!) {
        jobs(where: { id_gt: $after }, first: 1000, orderBy: id, orderDirection: asc) {
          id
        }
      }
    `
    const seen: number[] = []
    const sizes: number[] = []
    for (let after = '0x'; ; ) {
      const { jobs } = await request<{ jobs: { id: string }[] }>(fixture.runner.url, query, { after })
      if (jobs.length === 0) break
      sizes.push(jobs.length)
      seen.push(...jobs.map(job => Number(job.id)))
      after = jobs.at(-1)?.id ?? after
    }
    expect(sizes).toEqual([1_000, 1_000, 500])
    expect(seen).toEqual(range(1, jobCount))
  })

  it('behavior: 100 entities are given where `first` is not said, and at most 1,000', async () => {
    expect(await ids('orderBy: id')).toEqual(range(1, 100))
    expect(await ids('first: 1000')).toHaveLength(1_000)
    for (const first of [1_001, 0, -1]) {
      expect(await message(`{ jobs(first: ${first}) { id } }`)).toBe(
        `The \`first\` argument must be between 0 and 1000, but is ${first}`
      )
    }
    expect(await message('{ jobs(skip: -1) { id } }')).toBe(
      'The `skip` argument must be between 0 and 4294967295, but is -1'
    )
  })

  it('behavior: comparisons, order and skip work together', async () => {
    const id = (number: number) => `"${jobIdOf(number)}"`
    expect(await ids(`where: { id: ${id(7)} }`)).toEqual([7])
    expect(await ids(`where: { id_gte: ${id(7)}, id_lt: ${id(10)} }`)).toEqual([7, 8, 9])
    expect(await ids(`where: { id_gt: ${id(7)}, id_lte: ${id(9)} }, orderDirection: desc`)).toEqual([9, 8])
    expect(await ids(`where: { id_in: [${id(9)}, ${id(3)}, ${id(99_999)}] }`)).toEqual([3, 9])
    expect(await ids(`where: { id_not_in: [${id(1)}, ${id(3)}] }, first: 3`)).toEqual([2, 4, 5])
    expect(await ids('where: { jobId_not: "1" }, first: 2, skip: 1')).toEqual([3, 4])
    expect(await ids('where: { status: Succeeded }')).toEqual([1])
    expect(await ids('where: { status_not: Open }')).toEqual([1])
    expect(await ids('where: { status_in: [Open, Failed] }, first: 1')).toEqual([2])
    expect(await ids('where: { result_not: null }')).toEqual([1])
    expect(await ids(`where: { model: "${fixture.model.address}" }, first: 2`)).toEqual([1, 2])
    expect(await ids('where: { or: [{ jobId: "3" }, { jobId_gt: "2499" }] }')).toEqual([3, 2_500])
    expect(await ids('where: { and: [{ jobId_gt: "3" }, { jobId_lt: "5" }] }')).toEqual([4])
    expect(await ids('orderBy: blockNumber, orderDirection: desc, first: 2')).toEqual([2_500, 2_499])
    expect(
      await ids('orderBy: blockNumber, orderDirection: asc, first: 1, where: { jobId_gt: "200" }')
    ).toEqual([201])
  })

  it('behavior: _meta tells the newest block, and no hash where only a number was asked for', async () => {
    const head = fixture.runner.head()
    const parts = '{ block { number hash parentHash timestamp } deployment hasIndexingErrors }'
    const { data } = await answer(`{ latest: _meta ${parts} byNumber: _meta(block: { number: 3 }) ${parts}
      byHash: _meta(block: { hash: "${head?.hash}" }) ${parts} atLeast: _meta(block: { number_gte: 3 }) ${parts} }`)
    const latest = { block: head, deployment: expect.stringMatching(/^Qm\w{44}$/), hasIndexingErrors: false }
    expect(data).toEqual({
      latest,
      byNumber: { ...latest, block: { number: 3, hash: null, parentHash: null, timestamp: null } },
      byHash: latest,
      atLeast: latest
    })
  })

  it('behavior: a query at a block sees what was there at that block', async () => {
    const { data } = await answer(`{ job(id: "${jobIdOf(1)}") { blockNumber result { blockNumber } } }`)
    const { blockNumber, result } = data?.job as { blockNumber: string; result: { blockNumber: string } }
    const at = async (number: number) =>
      (await answer(`{ jobs(first: 1, block: { number: ${number} }) { status result { id } } }`)).data?.jobs
    expect(await at(Number(blockNumber) - 1)).toEqual([])
    expect(await at(Number(blockNumber))).toEqual([{ status: 'Open', result: null }])
    expect(await at(Number(result.blockNumber))).toEqual([
      { status: 'Succeeded', result: { id: expect.any(String) } }
    ])
    const block = await fixture.provider.getBlock(Number(blockNumber))
    const { data: byHash } = await answer(
      `{ job(id: "${jobIdOf(1)}", block: { hash: "${block?.hash}" }) { status } }`
    )
    expect(byHash).toEqual({ job: { status: 'Open' } })
  })

  it('behavior: blocks that are not there are errors', async () => {
    const head = fixture.runner.head()?.number ?? 0
    const notYet = (argument: string) =>
      new RegExp(
        `^Failed to decode \`block\\.${argument}\` value: \`subgraph Qm\\w+ has only indexed up to block number ${head} and data for block number ${head + 1} is therefore not yet available\`$`
      )
    expect(await message(`{ jobs(block: { number: ${head + 1} }) { id } }`)).toMatch(notYet('number'))
    expect(await message(`{ _meta(block: { number_gte: ${head + 1} }) { deployment } }`)).toMatch(
      notYet('number_gte')
    )
    expect(await message(`{ job(id: "0x01", block: { hash: "0x${'ab'.repeat(32)}" }) { id } }`)).toBe(
      'Failed to decode `block.hash` value: `no block with that hash found`'
    )
  })

  it('behavior: one error leaves no data, and an unknown field is one', async () => {
    expect(await message('{ _meta { deployment } jobs(first: 5000) { id } }')).toMatch(
      /^The `first` argument/
    )
    expect(await message('{ jobs { nonsense } }')).toMatch(/nonsense/)
    expect(await message('{ jobs(where: { id_gt: "0xzz" }) { id } }')).toMatch(
      /Failed to decode `Bytes` value/
    )
  })

  it('behavior: an entity that does not exist is null, whatever the case of its id', async () => {
    const { data } = await answer(`{ none: job(id: "${jobIdOf(9_999)}") { id }
      lower: worker(id: "${fixture.worker.address.toLowerCase()}") { id }
      mixed: worker(id: "${fixture.worker.address}") { id } }`)
    const worker = { id: fixture.worker.address.toLowerCase() }
    expect(data).toEqual({ none: null, lower: worker, mixed: worker })
  })

  it('behavior: only POST to the subgraph is answered, and no endless body is read', async () => {
    const { url } = fixture.runner
    expect((await fetch(`${new URL(url).origin}/subgraphs/name/other`, { method: 'POST' })).status).toBe(404)
    expect((await fetch(url, { method: 'GET' })).status).toBeGreaterThanOrEqual(400)
    const huge = await fetch(url, { method: 'POST', body: 'x'.repeat(300 * 1024) }).catch(
      (error: Error) => error
    )
    expect(huge instanceof Error || huge.status === 413).toBe(true)
  })
})

/** Many jobs in few blocks, and a result for the first. */
async function createJobs(fixture: SubgraphFixture): Promise<void> {
  const { provider, user, client, oracle } = fixture
  const first = await ask(fixture)
  await mined(oracle.write('submitResults', [[success(first, '0x01')]]))

  const from = user.address
  const data = new Interface(client.abi).encodeFunctionData('ask', ['0x89504e47', '0x'])
  const call = { from, to: client.address, data, value: `0x${price.toString(16)}`, gas: '0x7a120' }
  await provider.send('evm_setAutomine', [false])
  await provider.send('evm_setBlockGasLimit', ['0x77359400'])
  // Sent side by side, they would be given one nonce.
  let nonce = await user.getNonce()
  for (let sent = 1; sent < jobCount; ) {
    const count = Math.min(jobsPerBlock, jobCount - sent)
    const calls = Array.from({ length: count }, () => ({ ...call, nonce: `0x${(nonce++).toString(16)}` }))
    await Promise.all(calls.map(one => provider.send('eth_sendTransaction', [one])))
    await provider.send('evm_mine', [])
    sent += count
  }
  await provider.send('evm_setAutomine', [true])
}
