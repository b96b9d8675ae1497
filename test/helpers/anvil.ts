import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Anvil {
  /** `http://127.0.0.1:<port>` */
  url: string
  pid: number
  /** Resolves when the process has ended. Safe to repeat. */
  stop(): Promise<void>
}

/** How long anvil may take to listen: it takes 0.1 s on an idle machine. */
const readyTimeoutMs = 30_000

/**
 * Starts an anvil of its own on a free port of the loopback interface: chain 31337, a block for each transaction,
 * and the ten development accounts. `args` are added to its command line. It ends with this process, at the latest.
 */
export async function startAnvil(args: string[] = []): Promise<Anvil> {
  const child = spawn(anvilPath(), ['--host', '127.0.0.1', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  const exited = once(child, 'exit').finally(() => process.off('exit', kill))

  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    // The end of it is enough to see why anvil stopped.
    errors = (errors + chunk.toString()).slice(-2_000)
  })
  // Lines are read to the end of the process's life: a full pipe would block it.
  const lines = createInterface({ input: child.stdout })
  const listening = new Promise<string>(resolve => {
    lines.on('line', line => {
      const address = /Listening on (\S+)/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
  })

  const abort = new AbortController()
  const late = once(AbortSignal.any([AbortSignal.timeout(readyTimeoutMs), abort.signal]), 'abort')
  const address = await Promise.race([listening, exited.then(() => undefined), late.then(() => undefined)])
  abort.abort()
  if (address === undefined || child.pid === undefined) {
    kill()
    throw new Error(`anvil does not listen: ${errors}`)
  }
  return {
    url: `http://${address}`,
    pid: child.pid,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) kill()
      await exited
    }
  }
}

/** The native binary itself: its npm wrapper is a second process, which does not pass a SIGKILL on. */
function anvilPath(): string {
  const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
  const cpu = process.arch === 'x64' ? 'amd64' : process.arch
  const manifest = createRequire(wrapper).resolve(`@foundry-rs/anvil-${process.platform}-${cpu}/package.json`)
  return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
}
