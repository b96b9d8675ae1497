import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const KEPT_LOG_CHARS = 2_000
const STOP_TIMEOUT_MS = 8_000

/** A service of the other side: a process group of its own, so that what it starts ends with it. */
export interface Service {
  child: ChildProcess
  /** The end of what it wrote. */
  log(): string
  /** Asks it and its children to end; kills them after some seconds. Safe to repeat. */
  stop(): Promise<void>
}

export function startService(command: string, args: string[], options: SpawnOptions): Service {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options, detached: true })
  let log = ''
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-KEPT_LOG_CHARS)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.once('error', err => {
    log += err.message
  })
  const closed = once(child, 'close').catch(() => undefined)

  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, name)
    } catch (err) {
      // The group is gone already.
      if (!(err instanceof Error && 'code' in err && err.code === 'ESRCH')) throw err
    }
  }

  return {
    child,
    log: () => log,
    async stop() {
      signal('SIGTERM')
      const timer = setTimeout(() => signal('SIGKILL'), STOP_TIMEOUT_MS)
      await closed
      clearTimeout(timer)
    }
  }
}

/** Waits until `line` turns up in what the service writes, which is how it says that it is up. Rejects if it is aborted. */
export async function waitForLog(
  service: Service,
  line: string,
  timeoutMs: number,
  signal: AbortSignal
): Promise<void> {
  const lateMs = performance.now() + timeoutMs
  while (!service.log().includes(line)) {
    const { exitCode, signalCode } = service.child
    if (exitCode !== null || signalCode !== null || performance.now() > lateMs) {
      throw new Error(`${service.child.spawnfile} did not start: ${service.log().slice(-500)}`)
    }
    await sleep(20, undefined, { signal })
  }
}

/** Ports of the loopback interface that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('A server without a port')
    ports.push(address.port)
  }
  for (const server of servers) {
    server.close()
    await once(server, 'close')
  }
  return ports
}
