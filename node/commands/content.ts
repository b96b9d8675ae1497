import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { cidOfFile } from '../../src/interface/content-id.js'
import { ConfigError, ContentUnavailableError, InterruptedError } from '../../src/interface/index.js'
import type { ContentClientInit } from '../client/content.js'
import { integer, multiaddr } from '../config/fields.js'
import { type LoadedSettings, loadNetwork } from '../config/load.js'
import { resolveLog } from '../config/resolve.js'
import type { SettingName } from '../config/settings.js'
import { createLogger } from '../log.js'
import { listenForStop } from '../stop-signal.js'
import { aborted } from '../wait.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'

const contentSettings: SettingName[] = ['networkFile', 'bootstrap', 'timing', 'logLevel', 'logFormat']
/** A gigabyte at 100 Mbit/s takes a minute and a half. */
const defaultTimeLimitS = 120
const defaultMaxMb = 1_024
/** Text up to this length is part of the JSON answer. */
const maxTextBytes = 64 * 1024

export function addContentCommand(program: Command): void {
  const content = new Command('content').description('fetch content of the network by its CID, or offer some')

  const get = new Command('get')
    .description('fetch content from the nodes of the network; each block is checked against the CID')
    .argument('<location>', 'a CID, or ipfs://<cid>')
    .option('--out <file>', 'file to write; else it goes to stdout')
    .option('--via <multiaddr>', 'ask this one node and no other; with its /p2p/<peer id>')
    .option('--max-mb <mb>', `largest content that is taken; ${defaultMaxMb} by default`)
    .option('--time-limit <s>', `seconds that it may take; ${defaultTimeLimitS} by default`)
    .addHelpText(
      'after',
      `
Nodes are found by the network file (peers, bootstrap) or --bootstrap. A download into a file that breaks off goes on where
it was.

Examples:
  $ npx buffalo-node content get ipfs://bafkrei… --out picture.png
  $ npx buffalo-node content get bafkrei… --via /ip4/127.0.0.1/tcp/9470/p2p/12D3KooW…
`
    )
  addSettings(get, contentSettings).action((location: string) => getAction(location, get))

  const add = new Command('add')
    .description('offer a file to the nodes of the network, for as long as this runs')
    .argument('<file>')
    .option('--only-cid', 'print the CID, and offer nothing')
    .addHelpText(
      'after',
      `
For inputs of jobs: a worker fetches ipfs://<cid> from here while it runs the job.

Examples:
  $ npx buffalo-node content add picture.png
  $ npx buffalo-node content add picture.png --only-cid
`
    )
  addSettings(add, contentSettings).action((file: string) => addAction(file, add))

  content.addCommand(get.copyInheritedSettings(program))
  content.addCommand(add.copyInheritedSettings(program))
  program.addCommand(content.copyInheritedSettings(program))
}

function clientInit(loaded: LoadedSettings): ContentClientInit {
  const network = loadNetwork(loaded)
  return {
    bootstrap: loaded.settings.bootstrap ?? network?.bootstrap ?? [],
    peersDirectory: network?.peers,
    local: (loaded.settings.timing ?? network?.timing) === 'local',
    logger: createLogger(resolveLog(loaded.settings)).child({ name: 'content' })
  }
}

async function getAction(location: string, command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const cid = location.replace(/^ipfs:\/\//u, '')
  const via = parseFlag('--via', multiaddr, flags['via'])
  const maxMb = parseFlag('--max-mb', integer(1, 1_000_000), flags['maxMb']) ?? defaultMaxMb
  const timeLimitS = parseFlag('--time-limit', integer(1, 86_400), flags['timeLimit']) ?? defaultTimeLimitS
  const out = typeof flags['out'] === 'string' ? resolve(flags['out']) : undefined
  const stop = listenForStop(line => output.progress(line), 'content')
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(timeLimitS * 1_000)])
  try {
    // Only here: --help and mistakes need not wait for libp2p.
    const { getContent } = await import('../client/content.js')
    let shownAtMs = 0
    const bytes = await getContent(
      {
        ...clientInit(loaded),
        cid,
        via,
        out,
        maxBytes: maxMb * 1024 * 1024,
        onProgress({ bytes: done, totalBytes }) {
          if (Date.now() - shownAtMs < 1_000 || totalBytes === undefined) return
          shownAtMs = Date.now()
          output.progress(`${done} of ${totalBytes} bytes`)
        }
      },
      signal
    )
    const sizeBytes = bytes?.length ?? (await stat(out ?? '')).size
    if (bytes !== undefined && !output.json) process.stdout.write(bytes)
    else
      output.result(
        { ok: true, cid, sizeBytes, out: out ?? null, text: textOf(bytes) ?? null },
        `${sizeBytes} bytes in ${out}`
      )
  } catch (err) {
    if (signal.aborted && !stop.signal.aborted) {
      throw new ContentUnavailableError(
        `The content ${cid} was not had within ${timeLimitS} s: check that a node that has it is reached, or give it more with --time-limit`,
        { cause: err }
      )
    }
    throw err
  } finally {
    stop.dispose()
  }
}

/** For those who asked for JSON, and content that is short text. */
function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || bytes.length > maxTextBytes) return undefined
  const text = Buffer.from(bytes).toString('utf8')
  return Buffer.from(text).equals(bytes) ? text : undefined
}

async function addAction(file: string, command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const path = resolve(file)
  const found = await stat(path).catch((err: unknown) => {
    throw new ConfigError(`<file> (argument): ${path} cannot be read`, { cause: err })
  })
  const cid = await cidOfFile(path)
  const answer = { ok: true, cid, location: `ipfs://${cid}`, sizeBytes: found.size }
  if (flags['onlyCid'] === true) {
    output.result(answer, answer.location)
    return
  }
  const stop = listenForStop(line => output.progress(line), 'content')
  try {
    const { openContentClient } = await import('../client/content.js')
    const client = await openContentClient(clientInit(loaded), stop.signal)
    try {
      await client.content.share(path)
      output.result(answer, answer.location)
      output.progress('Offered to the network until you press Ctrl+C')
      await aborted(stop.signal)
    } finally {
      await client.stop()
    }
  } catch (err) {
    // To end it is the way to end it.
    if (!(err instanceof InterruptedError)) throw err
  } finally {
    stop.dispose()
  }
}
