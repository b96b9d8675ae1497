import { isMainThread, parentPort, Worker as Thread, workerData } from 'node:worker_threads'
import type { RunInit } from './run.js'
import { simulate } from './run.js'
import { type SeedSummary, summaryOf } from './summary.js'

type SeedRun = Omit<RunInit, 'seed'>

/** A thread takes so many seeds at a time. */
const CHUNK = 5

/** Runs seeds on a few threads. Calls back with each, in order of ending. */
export async function runSeeds(
  init: SeedRun,
  seeds: number[],
  threads: number,
  onSeed: (summary: SeedSummary) => void
): Promise<SeedSummary[]> {
  const done: SeedSummary[] = []
  const take = (summary: SeedSummary): void => {
    done.push(summary)
    onSeed(summary)
  }
  const waiting = [...seeds]
  const count = Math.min(threads, Math.ceil(seeds.length / CHUNK))
  if (count <= 1) {
    for (const seed of waiting) take(summaryOf(await simulate({ ...init, seed })))
  } else {
    await Promise.all(Array.from({ length: count }, () => runThread(init, waiting, take)))
  }
  return done.sort((a, b) => a.seed - b.seed)
}

function runThread(init: SeedRun, waiting: number[], take: (summary: SeedSummary) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const thread = new Thread(new URL(import.meta.url), { workerData: init })
    const next = (): void => {
      const seeds = waiting.splice(0, CHUNK)
      thread.postMessage(seeds)
    }
    thread.on('message', (message: SeedSummary | 'ready') => {
      if (message === 'ready') next()
      else take(message)
    })
    thread.on('error', reject)
    thread.on('exit', code => (code === 0 ? resolve() : reject(new Error(`a thread ended with ${code}`))))
  })
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  const init = workerData as SeedRun
  Error.stackTraceLimit = 0
  port.on('message', (seeds: number[]) => {
    if (seeds.length === 0) return port.close()
    const all = async (): Promise<void> => {
      for (const seed of seeds) port.postMessage(summaryOf(await simulate({ ...init, seed })))
      port.postMessage('ready')
    }
    all().catch(err => {
      throw err
    })
  })
  port.postMessage('ready')
}
