import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ListenError, ProcessError, TimeoutError } from '../../src/interface/index.js'
import { childEnvironment } from '../config/environment.js'
import { devChainId } from '../config/resolve.js'
import { packageRoot } from '../paths.js'

/** A development chain in a process of its own. */
export interface Anvil {
  chainId: number
  /** Its JSON-RPC endpoint. */
  rpc: string
  /** Called once if the process ends by itself. */
  onCrash(listener: (err: ProcessError) => void): void
  /** Safe to repeat. */
  stop(): Promise<void>
}

/** Slow machines take 2 s. */
const startTimeoutMs = 30_000
/** How much of what it printed is shown when it fails. */
const keptLines = 20

/**
 * Starts anvil (`@foundry-rs/anvil`, from npm) with the well-known development accounts. It mines a block for each
 * transaction, and dies with this process, however that ends.
 *
 * Throws ProcessError where it is not installed or does not start.
 */
export async function startAnvil(init: {
  port?: number
  accounts: number
  signal?: AbortSignal
}): Promise<Anvil> {
  const args = ['--host', '127.0.0.1', '--chain-id', String(devChainId), '--accounts', String(init.accounts)]
  // Port 0: the system chooses a free one, so that two networks never meet.
  const child = fork(
    join(packageRoot, 'dist/node/devnet/guard.js'),
    [findAnvil(), ...args, '--port', String(init.port ?? 0)],
    {
      detached: true,
      // Whatever this process was started with (a test runner's hooks) is not for the guard.
      execArgv: [],
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc']
    }
  )
  const exited = once(child, 'exit')
  let stopping = false
  const stop = async (): Promise<void> => {
    stopping = true
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await exited
    }
  }
  try {
    const port = await listeningPort(child, init.port ?? 0, init.signal)
    return {
      chainId: devChainId,
      rpc: `http://127.0.0.1:${port}`,
      onCrash(listener) {
        child.once('exit', code => {
          if (!stopping) {
            listener(new ProcessError(`anvil ended by itself with code ${code}: start the network again`))
          }
        })
      },
      stop
    }
  } catch (err) {
    await stop()
    throw err
  }
}

async function listeningPort(
  child: ChildProcess,
  wantedPort: number,
  signal: AbortSignal | undefined
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const printed: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) {
      // Read for as long as it runs: anvil would stand still once the pipe is full.
      createInterface({ input: stream }).on('line', line => {
        if (printed.length < keptLines) {
          printed.push(line)
        }
        const port = /^Listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
        if (port !== undefined) {
          resolve(Number(port))
        }
      })
    }
  }
  child.once('error', err => reject(new ProcessError(`anvil did not start: ${err.message}`, { cause: err })))
  child.once('exit', code => {
    const said = printed.filter(line => line.trim() !== '').join(' | ')
    if (said.includes('Address already in use')) {
      reject(
        new ListenError(
          `Port ${wantedPort} is in use: stop the program that listens there, or choose another with --rpc-port`
        )
      )
    }
    reject(
      new ProcessError(`anvil did not start (code ${code}): ${said === '' ? 'it printed nothing' : said}`)
    )
  })
  const timer = setTimeout(
    () => reject(new TimeoutError(`anvil did not listen within ${startTimeoutMs / 1_000} s`)),
    startTimeoutMs
  )
  const abort = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', abort)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/** The program itself, not the script that npm links: a killed script would leave the program behind. */
function findAnvil(): string {
  const cpu = process.arch === 'x64' ? 'amd64' : process.arch
  const file = process.platform === 'win32' ? 'anvil.exe' : 'anvil'
  try {
    const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
    return createRequire(wrapper).resolve(`@foundry-rs/anvil-${process.platform}-${cpu}/bin/${file}`)
  } catch (err) {
    throw new ProcessError(
      `anvil, the development chain, is not installed for ${process.platform}-${process.arch}: install it with \`npm install --include=optional\`, or use a chain of your own with --network-file`,
      { cause: err }
    )
  }
}
