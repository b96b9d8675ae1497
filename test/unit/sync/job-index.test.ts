import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { JobReference } from '../../../src/interface/index.js'
import { type JobIndex, jobIndex } from '../../../src/sync/job-index.js'
import { jobOf } from '../gossip/fakes.js'

/** With a key that is a hash, as real ones are. */
const job = (number: number): JobReference => ({
  ...jobOf(number),
  key: createHash('sha256').update(`${number}`).digest('hex')
})
const all = Array.from({ length: 300 }, (_, n) => job(n + 1))
const told = (index: JobIndex) => [index.size, [...index.digest()], [...index.digests()]]

it('behavior: equal sets have equal digests, in whatever order jobs came, and whatever came and left', () => {
  const first = jobIndex()
  for (const one of all) first.add(one)
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: 300 }), fc.nat(299), (shuffled, gone) => {
      const second = jobIndex()
      for (const one of shuffled) second.add(one)
      for (const one of [job(1_000), job(1_001)]) {
        second.add(one)
        second.add(one)
        second.remove(one.key)
      }
      expect(told(second)).toEqual(told(first))
      second.remove(job(gone + 1).key)
      second.add(job(2_000))
      expect(second.size).toBe(first.size)
      expect(second.digest()).not.toEqual(first.digest())
    }),
    { numRuns: 20 }
  )
})
