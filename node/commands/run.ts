import { Command } from 'commander'
import type { Logger } from '../../src/interface/index.js'
import { resolveNodeConfig } from '../config/resolve.js'
import { type SettingName, settings } from '../config/settings.js'
import { listenForControl } from '../control.js'
import { createEventRelay, type ReadyInfo } from '../event-relay.js'
import { jobLog } from '../job-log.js'
import { createLogger, failureLog } from '../log.js'
import { reportFailure } from '../output.js'
import { listenForStop } from '../stop-signal.js'
import { aborted } from '../wait.js'
import { addSettings, open } from './options.js'

export function addRunCommand(program: Command): void {
  const command = new Command('run').description('run a node: what `buffalo-node --role …` does').addHelpText(
    'after',
    `
Each setting may also be given as a variable (--account-index: BUFFALO_ACCOUNT_INDEX) or in the configuration file
(accountIndex). Flags come before variables, variables before the file, the file before the network file.
A private key is taken from BUFFALO_PRIVATE_KEY or the configuration file only.

Examples:
  $ npx buffalo-node --role sequencer
  $ npx buffalo-node --role worker --account-index 2 --data-dir /tmp/second-worker
  $ BUFFALO_PRIVATE_KEY=0x… npx buffalo-node --role worker --network-file sepolia.json --capacity 2
`
  )
  addSettings(command, Object.keys(settings) as SettingName[]).action(() => run(command))
  program.addCommand(command.copyInheritedSettings(program), { isDefault: true })
}

async function run(command: Command): Promise<void> {
  const { loaded, output } = open(command)
  const config = resolveNodeConfig(loaded)
  const logger = createLogger(config.log).child({ name: config.role })
  // A program reads the log then, often from both streams: no line of them is for people.
  const isLogAlone = config.log.format === 'json'
  const log = jobLog(logger)
  const relay = createEventRelay()
  const stop = listenForStop(line => logger.info({}, line), `the ${config.role}`)
  const unlisten = isLogAlone ? logWarnings(logger) : () => undefined
  // Only here: --help and mistakes need not wait for libp2p.
  const { startNode } = await import('../node.js')
  try {
    const node = await startNode(config, {
      logger,
      signal: stop.signal,
      emit(event) {
        log(event)
        // What others do, the parent process hears from them.
        if (event.type !== 'lease:seen') relay({ type: 'event', event })
      }
    })
    const control = listenForControl({
      connections: node.connections,
      answer: (id, health) => relay({ type: 'health', id, health }),
      onError: err => logger.warn({ err }, 'a peer could not be disconnected')
    })
    relay({ type: 'ready', ready: node.ready })
    if (output.json || !isLogAlone) output.result({ ok: true, ...node.ready }, introduction(node.ready))
    // The lines above are for people at a terminal, and the log may go elsewhere.
    logger[process.stderr.isTTY && !isLogAlone ? 'debug' : 'info'](node.ready, 'ready')
    const failure = await Promise.race([node.failure, aborted(stop.signal)])
    if (failure !== undefined) logger.error({ err: failure }, 'this node cannot go on, and stops')
    control.dispose()
    await node.stop()
    logger.info({}, 'stopped')
    if (failure !== undefined) throw failure
  } catch (err) {
    if (!isLogAlone) throw err
    reportFailure(err, output.json, ['debug', 'trace'].includes(config.log.level), {}, failureLog())
  } finally {
    unlisten()
    stop.dispose()
  }
}

/** Node's own warnings, which it would print as plain lines. */
function logWarnings(logger: Logger): () => void {
  const onWarning = (err: Error): void => logger.warn({ err }, 'Node.js warns')
  const printing = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', onWarning)
  return () => {
    process.off('warning', onWarning)
    for (const listener of printing) process.on('warning', listener)
  }
}

function introduction({ role, peerId, addresses, account }: ReadyInfo): string {
  return [
    `ready: ${role} ${peerId}`,
    ...(account === undefined ? [] : [`  account   ${account}`]),
    ...addresses.map(address => `  address   ${address}`)
  ].join('\n')
}
