import { existsSync, readFileSync } from 'node:fs'
import { vi } from 'vitest'

/** Whether a process runs. One that has ended and that nobody has reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    // ESRCH: there is no such process.
    return false
  }
  const status = `/proc/${pid}/status`
  return (
    !existsSync('/proc/self/status') ||
    (existsSync(status) && !/^State:\s+Z/mu.test(readFileSync(status, 'utf8')))
  )
}

export async function ended(pid: number): Promise<void> {
  await vi.waitUntil(() => !isRunning(pid), { timeout: 20_000, interval: 50 })
}
