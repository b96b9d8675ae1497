import type { JsonRpcProvider } from 'ethers'
import {
  createSubgraphRunner,
  type SubgraphRunner,
  type SubgraphRunnerInit
} from '../../../node/devnet/subgraph-runner/index.js'
import { startAnvil } from '../../helpers/anvil.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { connect, deployFixture, type Fixture } from '../contracts/fixture.js'

/** A chain with the contracts, and a runner on it. */
export interface SubgraphFixture extends Fixture {
  rpcUrl: string
  runner: SubgraphRunner
  /** Another runner of the same subgraph; ended with the fixture. */
  startRunner(init?: Partial<SubgraphRunnerInit>): Promise<SubgraphRunner>
  /** Resolves once the runner has the chain's newest block. */
  indexed(runner?: SubgraphRunner): Promise<void>
  stop(): Promise<void>
}

export async function startSubgraphFixture(init: Partial<SubgraphRunnerInit> = {}): Promise<SubgraphFixture> {
  const undo: (() => unknown)[] = []
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const anvil = await startAnvil()
    undo.push(anvil.stop)
    const provider = connect(anvil.url)
    undo.push(() => provider.destroy())
    const contracts = await deployFixture(provider)
    const startRunner = async (more: Partial<SubgraphRunnerInit> = {}) => {
      const runner = await createSubgraphRunner({
        rpcUrl: anvil.url,
        addresses: { oracle: contracts.oracle.address, registry: contracts.registry.address },
        startBlock: 0,
        pollIntervalMs: 20,
        logger: silentLogger(),
        ...init,
        ...more
      })
      undo.push(() => runner.stop())
      await runner.start()
      return runner
    }
    const runner = await startRunner()
    return {
      ...contracts,
      rpcUrl: anvil.url,
      runner,
      startRunner,
      indexed: (one = runner) => untilIndexed(provider, one),
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** By hash: after a reorg, a block of that number may be there already. */
async function untilIndexed(provider: JsonRpcProvider, runner: SubgraphRunner): Promise<void> {
  const latest = await provider.send('eth_getBlockByNumber', ['latest', false])
  for (;;) {
    await runner.waitForBlock(Number(latest.number), AbortSignal.timeout(20_000))
    if (runner.head()?.hash === latest.hash) return
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Posts a query as any client would, and gives the whole answer. */
export async function post(url: string, query: string, variables: object = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables })
  })
  return { status: response.status, ...((await response.json()) as Answer) }
}

interface Answer {
  data?: Record<string, unknown> | null
  errors?: { message: string }[]
}
