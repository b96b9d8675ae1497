import { expect, it } from 'vitest'
import { registeredWorkers } from '../../../src/gossip/registered-workers.js'
import { ChainUnavailableError } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const accountOf = (name: string) => `0x${Buffer.from(name).toString('hex').padStart(40, '0')}` as const

const said = (worker: string, name = worker) => ({ worker, account: accountOf(name), sentAtMs: 1 })

function make() {
  const clock = manualClock()
  const registry = new Map<string, string>()
  const compared: string[] = []
  const state = { isDown: false, asked: 0 }
  const workers = registeredWorkers({
    chain: {
      async peerKeysOf(accounts) {
        if (state.isDown) throw new ChainUnavailableError('down')
        state.asked += accounts.length
        return accounts.map(account => registry.get(account))
      }
    },
    clockWatch: { heard: ({ worker }) => compared.push(worker) },
    clock,
    logger: silentLogger()
  })
  return { clock, registry, state, compared, workers }
}

it('behavior: a worker is known once the registry names it for the account that it claims', async () => {
  const { clock, registry, compared, workers } = make()
  registry.set(accountOf('alice'), 'alice')
  workers.see(said('alice', 'alice'))
  workers.see(said('mallory', 'alice'))
  workers.see(said('nobody', 'nobody'))
  expect(workers.has('alice')).toBe(false)
  await clock.advance(300)
  expect(['alice', 'mallory', 'nobody'].map(workers.has)).toEqual([true, false, false])
  // By their times the clock is compared: of those that are known to be workers.
  expect(compared).toEqual([])
  expect(['alice', 'mallory'].map(name => workers.see(said(name, 'alice')))).toEqual([true, false])
  expect(compared).toEqual(['alice'])
  workers.stop()
})

it('behavior: made-up workers cost a bounded number of look-ups', async () => {
  const { clock, state, workers } = make()
  for (let second = 0; second < 10; second++) {
    for (let n = 0; n < 5_000; n++) {
      workers.see(said(`${second} ${n}`, `${second} ${n}`))
    }
    await clock.advance(1_000)
  }
  expect(state.asked).toBe(10 * 256)
  workers.stop()
})

it('behavior: a known worker counts while the chain is away, and leaves once the registry drops it', async () => {
  const { clock, registry, state, workers } = make()
  const seen = said('alice')
  registry.set(accountOf('alice'), 'alice')
  workers.see(seen)
  await clock.advance(300)
  registry.delete(accountOf('alice'))
  state.isDown = true
  await clock.advance(300_000)
  workers.see(seen)
  await clock.advance(1_000)
  expect(workers.has('alice')).toBe(true)
  state.isDown = false
  workers.see(seen)
  await clock.advance(1_000)
  expect(workers.has('alice')).toBe(false)
  workers.stop()
})
