import { expect, it } from 'vitest'
import { outage } from '../../../src/subgraph/outage.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

function make() {
  const clock = manualClock()
  const said: { level: string; message: string; fields: object }[] = []
  return { clock, said, trouble: outage({ logger: silentLogger(said), clock }) }
}

it('behavior: a gateway that fails every other request does not fill the log', async () => {
  const { clock, said, trouble } = make()
  for (let n = 0; n < 240; n++) {
    trouble.failed('jobs', new Error('down'))
    await clock.advance(250)
    trouble.recovered('jobs')
    await clock.advance(250)
  }
  // In two minutes.
  expect(said).toHaveLength(2)
})

it('behavior: an outage that begins soon after another is told of all the same, if it lasts', async () => {
  const { clock, said, trouble } = make()
  trouble.failed('jobs', new Error('down'))
  trouble.recovered('jobs')
  for (let second = 0; second < 120; second++) {
    trouble.failed('jobs', new Error('down'))
    await clock.advance(1_000)
  }
  expect(said).toHaveLength(2)
})
