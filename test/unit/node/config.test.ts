import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadSettings } from '../../../node/config/load.js'
import { readNetworkFile, removeNetworkFile, writeNetworkFile } from '../../../node/config/network-file.js'
import { resolveClientConfig, resolveNodeConfig } from '../../../node/config/resolve.js'
import {
  ConfigError,
  checkTiming,
  deliveryMs,
  internetTiming,
  localTiming
} from '../../../src/interface/index.js'

const oracle = '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512'
const registry = '0x5FbDB2315678afecb367f032d93F642f64180aa3'
const network = {
  chainId: 31_337,
  rpc: 'http://127.0.0.1:8545',
  subgraph: 'http://127.0.0.1:8000/subgraphs/name/buffalo',
  oracle,
  registry,
  models: {},
  timing: 'local' as const,
  peers: 'peers',
  bootstrap: []
} as const

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'buffalo-config-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function file(name: string, content: unknown): string {
  const path = join(folder(), name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const load = (flags: Record<string, unknown>, environment: Record<string, string> = {}) =>
  loadSettings({ flags, environment })
const networkFile = (change: object = {}): string => file('network.json', { ...network, ...change })

describe('configuration', () => {
  it('behavior: flags come before the environment, the environment before the file, the file before the network file', () => {
    const config = file('config.json', {
      capacity: 2,
      executionTimeoutMs: 1_000,
      rpcUrl: 'http://file/',
      logLevel: 'warn'
    })
    const environment = {
      BUFFALO_CAPACITY: '3',
      BUFFALO_EXECUTION_TIMEOUT_MS: '2000',
      BUFFALO_CONFIG: config
    }
    const loaded = load({ capacity: '4', role: 'worker', networkFile: networkFile() }, environment)
    expect(resolveNodeConfig(loaded)).toMatchObject({
      capacity: 4,
      executionTimeoutMs: 2_000,
      rpc: 'http://file/',
      subgraph: network.subgraph,
      log: { level: 'warn', format: 'auto' }
    })
  })

  it.each([
    [{ capacity: 'x' }, {}, '--capacity (flag): must be an integer between 1 and 64, got "x"'],
    [
      {},
      { BUFFALO_CAPACITY: 'x' },
      'BUFFALO_CAPACITY (environment): must be an integer between 1 and 64, got "x"'
    ],
    [{}, { BUFFALO_CAPACITY: '1.5' }, 'BUFFALO_CAPACITY (environment): must be'],
    [{}, { BUFFALO_CAPACITY: '0' }, 'BUFFALO_CAPACITY (environment): must be'],
    [
      {},
      { BUFFALO_CAPACTY: '1' },
      'BUFFALO_CAPACTY (environment): is not a setting (did you mean "BUFFALO_CAPACITY"?)'
    ],
    [{ rpcUrl: 'localhost:8545' }, {}, '--rpc-url (flag): must be an http:// or https:// URL'],
    [{ oracle: `${oracle.slice(0, -1)}3` }, {}, '--oracle (flag): must be an Ethereum address'],
    [{ listen: ['127.0.0.1:9000'] }, {}, '--listen (flag): must be a list, each item a multiaddr'],
    [{ role: 'miner' }, {}, '--role (flag): must be one of sequencer, worker, got "miner"']
  ])(
    'behavior: an error names the field and where its value came from (%j %j)',
    (flags, environment, message) => {
      expect(() => load(flags, environment as Record<string, string>)).toThrow(ConfigError)
      expect(() => load(flags, environment as Record<string, string>)).toThrow(message)
    }
  )

  it('behavior: all mistakes are told at once', () => {
    expect(() => load({ capacity: 'x' }, { BUFFALO_ROLE: 'y' })).toThrow(/--capacity.*; |; .*--capacity/)
  })

  it('behavior: a secret is never repeated in an error', () => {
    expect(() => load({}, { BUFFALO_PRIVATE_KEY: '0x1234secret' })).toThrow(
      /^BUFFALO_PRIVATE_KEY \(environment\): must be a private key(?!.*1234secret)/
    )
  })

  it('behavior: an unknown key in a file is an error with a suggestion', () => {
    const config = file('config.json', { capcity: 2 })
    expect(() => load({ config })).toThrow(
      `capcity (configuration file ${config}): is not a setting (did you mean "capacity"?)`
    )
    const bad = networkFile({ orcale: oracle })
    expect(() => readNetworkFile(bad)).toThrow(
      `orcale (network file ${bad}): is not a setting (did you mean "oracle"?)`
    )
  })

  it('behavior: a file that is no JSON object is named', () => {
    expect(() => load({ config: file('config.json', '{') })).toThrow(
      /configuration file .*config\.json is not JSON/
    )
    expect(() => load({ config: file('config.json', '[]') })).toThrow('must hold one JSON object')
    expect(() => load({ config: '/nonexistent/config.json' })).toThrow('There is no configuration file')
  })

  it('behavior: lists in variables are parted by commas', () => {
    const loaded = load(
      { role: 'sequencer', networkFile: networkFile() },
      { BUFFALO_LISTEN: '/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2' }
    )
    expect(resolveNodeConfig(loaded).listen).toEqual(['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'])
  })

  it('behavior: the network file decides the timing, and with it where a node listens', () => {
    const local = resolveNodeConfig(load({ role: 'worker', networkFile: networkFile() }))
    expect(local).toMatchObject({ timing: localTiming, listen: ['/ip4/127.0.0.1/tcp/0'] })
    const wide = resolveNodeConfig(load({ role: 'worker', networkFile: networkFile({ timing: 'internet' }) }))
    expect(wide).toMatchObject({ timing: internetTiming, listen: ['/ip4/0.0.0.0/tcp/9470'] })
  })

  it('behavior: a network has a lease length of its own, and a setting comes before it', () => {
    const leaseMs = (flags: object, change: object = {}): number =>
      resolveNodeConfig(load({ role: 'worker', networkFile: networkFile(change), ...flags })).timing.leaseMs
    expect(leaseMs({})).toBe(localTiming.leaseMs)
    expect(leaseMs({}, { leaseMs: 3_000 })).toBe(3_000)
    expect(leaseMs({ leaseMs: '4000' }, { leaseMs: 3_000 })).toBe(4_000)
  })

  it('behavior: a timing under which honest nodes would work twice, or which others refuse, is refused', () => {
    expect(() => checkTiming(localTiming, deliveryMs.local)).not.toThrow()
    expect(() => checkTiming(internetTiming, deliveryMs.internet)).not.toThrow()
    for (const [change, problem] of [
      [{ slotMs: 300 }, 'longer than 300 ms'],
      [{ skewMs: 150 }, 'longer than 400 ms'],
      [{ leaseMs: 1_199 }, 'at least 1200 ms'],
      [{ leaseMs: 30_001 }, 'at most 30000 ms']
    ] as const) {
      const check = (): void => checkTiming({ ...localTiming, ...change }, deliveryMs.local)
      expect(check).toThrow(problem)
      expect(check).toThrow(ConfigError)
    }
    expect(() =>
      resolveNodeConfig(load({ role: 'worker', networkFile: networkFile(), leaseMs: '100' }))
    ).toThrow('--lease-ms (flag)')
  })

  it('behavior: workers on one machine have directories of their own', () => {
    const dataDir = (flags: object): string =>
      resolveNodeConfig(load({ networkFile: networkFile(), ...flags })).dataDir
    expect(dataDir({ role: 'sequencer' })).toMatch(/\.buffalo\/sequencer$/)
    expect(dataDir({ role: 'worker' })).toMatch(/\.buffalo\/worker-1$/)
    expect(dataDir({ role: 'worker', accountIndex: '2' })).toMatch(/\.buffalo\/worker-2$/)
  })

  it('behavior: without a network it is said how to get one', () => {
    const flags = { role: 'worker', networkFile: '/nonexistent/network.json' }
    expect(() => resolveNodeConfig(load(flags))).toThrow('npx buffalo-node devnet')
    const named = { chainId: '1', rpcUrl: network.rpc, subgraphUrl: network.subgraph, oracle, registry }
    expect(resolveClientConfig(load(named)).network).toEqual({ chainId: 1, oracle, registry })
  })

  it('behavior: a keystore needs its password file', () => {
    const flags = { role: 'worker', networkFile: networkFile(), keystore: 'key.json' }
    expect(() => resolveNodeConfig(load(flags))).toThrow('--password-file (flag): is missing')
    expect(resolveNodeConfig(load({ ...flags, passwordFile: 'password' })).account).toEqual({
      kind: 'keystore',
      keystorePath: 'key.json',
      passwordPath: 'password'
    })
  })
})

describe('the network file', () => {
  it('behavior: what is written is read back, with the peer directory beside the file', () => {
    const path = join(folder(), 'deep', 'network.json')
    writeNetworkFile(path, { ...network, models: {}, bootstrap: [] })
    expect(readNetworkFile(path)).toEqual({ ...network, peers: join(path, '..', 'peers') })
  })

  it('behavior: a missing or bad field is named', () => {
    const path = networkFile({ oracle: undefined, rpc: 'ws://x' })
    expect(() => readNetworkFile(path)).toThrow(`oracle (network file ${path}): is missing`)
    expect(() => readNetworkFile(path)).toThrow(
      `rpc (network file ${path}): must be an http:// or https:// URL, got "ws://x"`
    )
  })

  it('behavior: it is removed by the network that wrote it only', () => {
    const path = networkFile()
    removeNetworkFile(path, 'http://127.0.0.1:1')
    expect(readNetworkFile(path)).toBeDefined()
    removeNetworkFile(path, network.rpc)
    expect(readNetworkFile(path)).toBeUndefined()
  })
})
