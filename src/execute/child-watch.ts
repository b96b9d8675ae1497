import { workerData } from 'node:worker_threads'

/**
 * A thread of the executor's child. A native run blocks the child's event loop, so only another thread can see that
 * the parent is gone, or that memory runs out, and end the process.
 */

/** Ends the process for want of memory; told apart by the parent from every other end. */
const memorySignal = 'SIGUSR2'
/** An orphan computes for half a second at most. */
const intervalMs = 500

const { parentPid, memoryBytes } = workerData as { parentPid: number; memoryBytes: number | undefined }

setInterval(() => {
  // A process whose parent dies is given to another one.
  if (process.ppid !== parentPid) {
    process.kill(process.pid, 'SIGKILL')
  }
  if (memoryBytes !== undefined && process.memoryUsage.rss() > memoryBytes) {
    process.kill(process.pid, memorySignal)
  }
}, intervalMs)
