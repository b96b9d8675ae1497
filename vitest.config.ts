import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Most tests wait for processes, blocks and timers: vitest's own choice would run one file at a time on two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Many start networks of processes: 5 to 20 s of work, and over a minute where ten times as many processes run as there are cores.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 10_000,
    // By itself it is one second, in which a busy machine may do nothing at all.
    expect: { poll: { timeout: 20_000 } },
    retry: 0
  }
})
