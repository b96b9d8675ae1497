import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../node/paths.js'
import { createTestNetwork, runProgram, startProgram, temporaryDirectory } from '../helpers/node-process.js'

const samples = join(packageRoot, 'node/testnet/samples')
const hello = join(samples, 'hello.png')

describe('the command line', () => {
  it.each([
    [[], 'Commands:'],
    [['run'], '--account-index'],
    [['--role', 'worker'], '--account-index'],
    [['status'], '--role'],
    [['devnet'], '--rpc-port'],
    [['testnet'], '--workers'],
    [['submit'], '--input'],
    [['jobs'], '--before'],
    [['job'], '<id>'],
    [['reclaim'], '<id>'],
    [['account'], 'withdraw'],
    [['account', 'show'], '--of'],
    [['account', 'withdraw'], '--amount'],
    [['account', 'unregister'], '--account-index'],
    [['models'], 'check'],
    [['models', 'list'], '--models'],
    [['models', 'show'], '<name or cid>'],
    [['models', 'check'], '--write'],
    [['models', 'add'], '--data-dir'],
    [['models', 'run'], '--seed'],
    [['models', 'new'], '--code']
  ])('behavior: %j explains itself with examples', async (command, expected) => {
    const { code, stdout } = await runProgram([...command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain(expected)
    expect(stdout).toContain('Examples:')
  })

  it('behavior: without anything to do it prints its help, and fails', async () => {
    const nothing = await runProgram([])
    expect(nothing).toMatchObject({ code: 1, stderr: '', stdout: expect.stringContaining('Examples:') })
    // A variable may say what to do.
    const asked = await runProgram([], { env: { BUFFALO_ROLE: 'worker' } })
    expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining('No network') })
  })

  it('behavior: it tells its version', async () => {
    const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
    expect(await runProgram(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` })
  })

  it('behavior: a mistake is one clear line and exit code 1', async () => {
    const { code, stdout, stderr } = await runProgram(['submt'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe(
      'error: There is no command "submt" (did you mean "submit"?) (see --help) [BUFFALO_ERR_CONFIG]\n'
    )
    expect(await runProgram(['account', 'shw'])).toMatchObject({
      code: 1,
      stderr:
        'error: There is no command "account shw" (did you mean "show"?) (see --help) [BUFFALO_ERR_CONFIG]\n'
    })
  })

  it('behavior: status says so where it cannot look', async () => {
    const cwd = temporaryDirectory()
    writeFileSync(join(cwd, '.buffalo'), '')
    const result = await runProgram(['status', '--json'], { cwd })
    expect(result.code).toBe(1)
    expect(result.json()).toMatchObject({
      error: { code: 'BUFFALO_ERR_CONFIG', message: expect.stringContaining('--data-dir') }
    })
  })

  it.each([
    [
      ['--role', 'worker', '--json'],
      { BUFFALO_CAPACITY: 'x' },
      'BUFFALO_CAPACITY (environment): must be an integer between 1 and 64, got "x"'
    ],
    [
      ['--role', 'worker', '--json', '--capacity', '0'],
      {},
      '--capacity (flag): must be an integer between 1 and 64, got "0"'
    ],
    [['--json'], {}, '--role (flag): is missing'],
    [['--role', 'worker', '--json', '--frobnicate'], {}, "unknown option '--frobnicate'"],
    [['jobs', '--json'], {}, 'npx buffalo-node devnet'],
    [
      ['testnet', '--workers', '0', '--json'],
      {},
      '--workers (flag): must be an integer between 1 and 200, got "0"'
    ],
    [
      ['testnet', '--chaos', '--links', 'wire', '--json'],
      {},
      '--links (flag): must be one of namespaces, gater, got "wire"'
    ]
  ])('behavior: with --json an error is the last line of stdout (%j %j)', async (args, env, message) => {
    const result = await runProgram(args, { env: env as Record<string, string> })
    expect(result.code).toBe(1)
    expect(result.stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(result.json()).toEqual({
      ok: false,
      error: { code: 'BUFFALO_ERR_CONFIG', message: expect.stringContaining(message) }
    })
  })

  it('behavior: an old Node is told so before anything is imported that would crash', async () => {
    const old =
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })'
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(old)}` }
    const line = /^error: buffalo-node needs Node\.js 22\.12 or later, and this is 20\.20\.2: .*\n$/
    expect(await runProgram(['--version'], { env })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(line)
    })
    const result = await runProgram(['jobs', '--json'], { env })
    expect(result.code).toBe(1)
    expect(result.json()).toEqual({
      ok: false,
      error: { code: 'BUFFALO_ERR_NODE_TOO_OLD', message: expect.stringMatching(/^buffalo-node needs Node/) }
    })
    expect(readFileSync(join(packageRoot, 'node/bin.ts'), 'utf8')).not.toMatch(/^import /m)
  })
})

describe('a network by hand', () => {
  it('behavior: devnet, a sequencer, a worker and a client answer a picture, and end by Ctrl+C', async () => {
    const cwd = temporaryDirectory()
    const devnet = startProgram(['devnet'], { cwd })
    await devnet.line(/npx buffalo-node submit/)
    const sequencer = startProgram(['--role', 'sequencer'], { cwd })
    const worker = startProgram(['--role', 'worker', '--log-format', 'json'], { cwd })
    const nodes = [sequencer, worker]
    await Promise.all([sequencer.line(/^ready: sequencer/), worker.line(/^{.*"msg":"ready"}$/)])

    const answer = await runProgram(['submit', 'image-to-text', '--input', hello, '--wait'], { cwd })
    expect(answer).toMatchObject({ code: 0, stdout: 'Hello from the network\n' })
    const list = await runProgram(['jobs', '--json'], { cwd })
    expect(list.json()).toMatchObject({
      ok: true,
      jobs: [{ id: '1', status: 'succeeded', output: 'Hello from the network' }]
    })
    const one = await runProgram(['job', '1'], { cwd })
    expect(one.stdout).toMatch(/status +succeeded[^]*callback +taken[^]*output +Hello from the network/)
    const account = await runProgram(['account'], { cwd })
    expect(account.stdout).toMatch(/credit +0\.001 ether in the Oracle[^]*registered +for the node 12D3/)
    const withdrawn = await runProgram(['account', 'withdraw', '--json'], { cwd })
    expect(withdrawn.json()).toMatchObject({ ok: true, amountWei: '1000000000000000' })
    const status = async (...args: string[]) =>
      (await runProgram(['status', ...args, '--json'], { cwd })).json()
    // A problem that is over is written within a second.
    await expect
      .poll(() => status(), { timeout: 20_000 })
      .toMatchObject({
        ok: true,
        nodes: [
          { condition: 'running', problems: [], status: { role: 'sequencer', peers: 1, worker: null } },
          {
            condition: 'running',
            dataDir: join(cwd, '.buffalo/worker-1'),
            status: {
              role: 'worker',
              peers: 1,
              sequencer: null,
              events: { 'submission:accepted': 1 },
              worker: {
                account: expect.stringMatching(/^0x/),
                balanceWei: expect.stringMatching(/^\d+$/),
                models: expect.any(Number)
              }
            }
          }
        ]
      })
    const none = await runProgram(['job', '2', '--json'], { cwd })
    expect(none.code).toBe(1)
    expect(none.json()).toMatchObject({ ok: false, error: { code: 'BUFFALO_ERR_NOT_FOUND' } })

    for (const { child } of [...nodes, devnet]) child.kill('SIGINT')
    for (const { result } of [...nodes, devnet]) expect((await result).code).toBe(0)
    const logged = await worker.result
    expect(logged.stdout).toBe('')
    expect(logLines(logged.stderr).at(-1)).toMatchObject({ name: 'worker', msg: 'stopped' })
    expect(await status('--role', 'worker')).toMatchObject({
      ok: false,
      nodes: [{ condition: 'stopped', status: { state: 'stopped', failure: null } }]
    })
    // The network has gone, and its file with it.
    expect((await runProgram(['jobs', '--json'], { cwd })).json()).toMatchObject({
      error: { code: 'BUFFALO_ERR_CONFIG' }
    })
  })

  it('behavior: what cannot work is refused before it costs anything', async () => {
    const { networkFile, directory, jobs } = await createTestNetwork()
    const submit = async (...args: string[]): Promise<unknown> =>
      (await runProgram(['submit', ...args, '--network-file', networkFile, '--json'])).json()
    const text = join(directory, 'text.png')
    writeFileSync(text, 'no picture')
    const huge = join(directory, 'huge.png')
    writeFileSync(huge, Buffer.concat([readFileSync(hello), Buffer.alloc(300 * 1024)]))

    const config = (message: string): unknown => ({
      ok: false,
      error: { code: 'BUFFALO_ERR_CONFIG', message: expect.stringContaining(message) }
    })
    expect(await submit('image-to-text', '--input', text)).toEqual(config('neither PNG nor JPEG'))
    expect(await submit('image-to-text', '--input', huge)).toEqual(
      config('the network takes 262144 on chain')
    )
    expect(await submit('image-to-text', '--input', 'absent.png')).toEqual(config('there is no such file'))
    expect(await submit('image-to-text', '--input', hello, '--seed', '0xzz')).toEqual(config('--seed (flag)'))
    expect(await submit('image-to-music', '--input', hello)).toMatchObject({
      error: { code: 'BUFFALO_ERR_NOT_FOUND' }
    })
    const stranger = ['--model', '0x70997970C51812dc3A010C7d01b50e0d17dc79C8']
    expect(await submit('image-to-text', '--input', hello, ...stranger)).toMatchObject({
      error: { code: 'BUFFALO_ERR_NOT_FOUND', message: expect.stringContaining('is not a model contract') }
    })
    const poor = ['--account-index', '40']
    expect(await submit('image-to-text', '--input', hello, ...poor)).toMatchObject({
      error: { code: 'BUFFALO_ERR_ACCOUNT', message: expect.stringContaining('send it ether') }
    })
    expect(await jobs.jobs({ limit: 10 })).toEqual([])
  })
})

describe('a node that cannot start', () => {
  it('behavior: each reason is one clear line and exit code 1', async () => {
    const network = await createTestNetwork()
    const { networkFile, directory } = network
    const run = async (...args: string[]): Promise<unknown> => {
      const result = await runProgram([...args, '--network-file', networkFile, '--json'])
      expect(result.code).toBe(1)
      return result.json()
    }
    const failure = (code: string, message: RegExp): unknown => ({
      ok: false,
      error: { code, message: expect.stringMatching(message) }
    })
    const statusOf = async (name: string): Promise<unknown> => {
      const { nodes } = (await runProgram(['status', '--data-dir', join(directory, name), '--json'])).json()
      return Array.isArray(nodes) ? nodes[0] : undefined
    }

    // Locked data directory: the port of a node that runs is in use, too.
    const running = await network.start('sequencer', 'first')
    const locked = await run('--role', 'sequencer', '--data-dir', join(directory, 'first'))
    expect(locked).toEqual(failure('BUFFALO_ERR_DATABASE_LOCKED', /in use by another process.*--data-dir/))
    // The status there stays that of the node that runs.
    expect(await statusOf('first')).toMatchObject({
      condition: 'running',
      status: { state: 'ready', pid: running.ready.pid }
    })

    const port = await occupiedPort()
    const listen = ['--data-dir', join(directory, 'second'), '--listen', `/ip4/127.0.0.1/tcp/${port}`]
    expect(await run('--role', 'sequencer', ...listen)).toEqual(
      failure('BUFFALO_ERR_LISTEN', /is in use.*--listen/)
    )

    const other = ['--data-dir', join(directory, 'third')]
    expect(await run('--role', 'sequencer', ...other, '--chain-id', '1')).toEqual(
      failure('BUFFALO_ERR_WRONG_CHAIN', /serves chain 31337, but the network is on chain 1/)
    )
    expect(
      await run('--role', 'sequencer', ...other, '--oracle', '0x70997970C51812dc3A010C7d01b50e0d17dc79C8')
    ).toEqual(failure('BUFFALO_ERR_WRONG_CHAIN', /no contract at the oracle address/))
    expect(await statusOf('third')).toMatchObject({
      condition: 'failed',
      says: expect.stringMatching(
        /^not running \(ended .* ago: .*no contract at the oracle.*WRONG_CHAIN\]\)$/
      )
    })
    expect(await run('--role', 'worker', ...other, '--account-index', '40')).toEqual(
      failure('BUFFALO_ERR_ACCOUNT', /too little to register/)
    )
    const payer = ['--account-index', '0', '--models', 'nowhere', '--log-format', 'json']
    const told = await runProgram(['--role', 'worker', ...other, ...payer, '--network-file', networkFile])
    expect(told).toMatchObject({ code: 1, stdout: '' })
    expect(logLines(told.stderr)).toEqual([
      expect.objectContaining({ msg: expect.stringContaining('is development account 0') }),
      expect.objectContaining({ level: 50, code: 'BUFFALO_ERR_CONFIG' })
    ])
    writeFileSync(join(directory, 'third', 'identity.key'), 'not a key')
    expect(await run('--role', 'sequencer', ...other)).toEqual(
      failure('BUFFALO_ERR_IDENTITY', /is not an Ed25519 key/)
    )
    expect(running.process.isRunning()).toBe(true)
  })
})

/** Throws where a line is no JSON. */
function logLines(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

async function occupiedPort(): Promise<number> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  onTestFinished(() => {
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
