import { open } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { median, round } from './statistics.js'

/** What the figures were measured on. */
export interface Machine {
  cpu: string
  cores: number
  memoryGb: number
  /** Of the minute before: others that share the machine. */
  loadBefore: number
  node: string
  /** One synced write of 4 kB beside the databases of both sides: what durability costs here. Median of 50. */
  syncedWriteMs: number
}

export async function machine(dir: string): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: round(totalmem() / 2 ** 30, 1),
    loadBefore: round(loadavg()[0] ?? 0, 2),
    node: process.version,
    syncedWriteMs: await syncedWriteMs(join(dir, 'synced-write'))
  }
}

async function syncedWriteMs(path: string): Promise<number> {
  const file = await open(path, 'w')
  const block = Buffer.alloc(4096)
  const times: number[] = []
  try {
    for (let n = 0; n < 50; n++) {
      const startMs = performance.now()
      await file.write(block)
      await file.datasync()
      times.push(performance.now() - startMs)
    }
  } finally {
    await file.close()
  }
  return round(median(times), 3)
}
