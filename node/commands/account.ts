import { Command } from 'commander'
import { formatEther, parseEther } from 'ethers'
import { loadWallet } from '../../src/chain/account.js'
import { type Address, ConfigError } from '../../src/interface/index.js'
import {
  type AccountView,
  type Payout,
  readAccount,
  type Sending,
  unregister,
  withdrawCredit,
  withdrawCreditOf
} from '../client/account.js'
import { openSession } from '../client/session.js'
import { address, ether } from '../config/fields.js'
import { type ClientConfig, resolveAccount, resolveClientConfig } from '../config/resolve.js'
import { clientSettings } from '../config/settings.js'
import { listenForStop } from '../stop-signal.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'

/** A transaction is mined in a block or two; on a busy chain in ten. */
export const minedTimeoutMs = 180_000

export function addAccountCommand(program: Command): void {
  const account = new Command('account')
    .description("a worker's account: its funds, its pay, its registration")
    .addHelpText(
      'after',
      `
A worker's pay is credited to its account in the Oracle with each success, and lies there until it is withdrawn. The account
is named as for the worker (--account-index, --keystore, BUFFALO_PRIVATE_KEY); all of this may be done while the worker runs.

Examples:
  $ npx buffalo-node account
  $ npx buffalo-node account withdraw
  $ npx buffalo-node account withdraw --to 0x… --amount 0.25
  $ npx buffalo-node account unregister
`
    )
    .copyInheritedSettings(program)

  const show = new Command('show')
    .description('show balance, credit in the Oracle, and which node the account is registered for')
    .option('--of <address>', 'any account or contract, in place of your own')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx buffalo-node account\n  $ npx buffalo-node account show --of 0x… --json\n'
    )
  addSettings(show, clientSettings).action(() => showAction(show))

  const withdraw = new Command('withdraw')
    .description("take the account's credit out of the Oracle")
    .option('--to <address>', 'where it goes; to the account itself by default')
    .option('--amount <ether>', 'how much of it; all by default')
    .option('--of <address>', 'send all credit of this account or contract to itself, at your cost')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx buffalo-node account withdraw\n  $ npx buffalo-node account withdraw --to 0x… --amount 0.25\n'
    )
  addSettings(withdraw, clientSettings).action(() => withdrawAction(withdraw))

  const leave = new Command('unregister')
    .description('take the account out of the registry: its worker serves no more. Stop the worker first')
    .addHelpText('after', '\nExamples:\n  $ npx buffalo-node account unregister --account-index 2\n')
  addSettings(leave, clientSettings).action(() => unregisterAction(leave))

  account.addCommand(show.copyInheritedSettings(account), { isDefault: true })
  account.addCommand(withdraw.copyInheritedSettings(account))
  account.addCommand(leave.copyInheritedSettings(account))
  program.addCommand(account)
}

async function showAction(command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const config = workerConfig(loaded)
  const { chainId } = config.network
  const own =
    parseFlag('--of', address, flags.of) ?? ((await loadWallet(config.account, chainId)).address as Address)
  const view = await connected(config, output.progress, ({ provider }) =>
    readAccount(provider, config.network, own)
  )
  output.result({ ok: true, account: toPlain(view) }, describe(view))
}

async function withdrawAction(command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const config = workerConfig(loaded)
  const of = parseFlag('--of', address, flags.of)
  const to = parseFlag('--to', address, flags.to)
  const amount = parseFlag('--amount', ether, flags.amount)
  if (of !== undefined && (to !== undefined || amount !== undefined)) {
    throw new ConfigError('--of (flag): sends all credit to the account itself: leave --to and --amount out')
  }
  const paid = await connected(config, output.progress, ({ sending }) =>
    sending().then(ready =>
      of === undefined
        ? withdrawCredit(ready, { to, amount: amount === undefined ? undefined : parseEther(amount) })
        : withdrawCreditOf(ready, of)
    )
  )
  output.result(
    { ok: true, ...payoutOf(paid) },
    `${formatEther(paid.amount)} ether went to ${paid.to} in ${paid.txHash}`
  )
}

async function unregisterAction(command: Command): Promise<void> {
  const { loaded, output } = open(command)
  const config = workerConfig(loaded)
  const txHash = await connected(config, output.progress, ({ sending }) => sending().then(unregister))
  output.result(
    { ok: true, txHash },
    `The account is not registered any more, in ${txHash}; a worker that starts registers it again`
  )
}

/** As a worker names its account. */
function workerConfig(loaded: Parameters<typeof resolveClientConfig>[0]): ClientConfig {
  return { ...resolveClientConfig(loaded), account: resolveAccount(loaded.settings, 1) }
}

type Connected = { provider: Parameters<typeof readAccount>[0]; sending(): Promise<Sending> }

/** Does one thing on the chain. Ctrl+C ends the wait for it. */
export async function connected<T>(
  config: ClientConfig,
  progress: (line: string) => void,
  work: (connection: Connected) => Promise<T>
): Promise<T> {
  const stop = listenForStop(progress, 'the command')
  const session = await openSession(config, stop.signal)
  try {
    return await work({
      provider: session.provider,
      sending: async () => ({
        network: config.network,
        signer: await session.signer(),
        timeoutMs: minedTimeoutMs
      })
    })
  } finally {
    session.close()
    stop.dispose()
  }
}

export const payoutOf = ({ txHash, to, amount }: Payout): Record<string, unknown> => ({
  txHash,
  to,
  amountWei: amount.toString()
})

function toPlain(view: AccountView): Record<string, unknown> {
  return {
    address: view.address,
    chainId: view.chainId,
    balanceWei: view.balance.toString(),
    creditWei: view.credit.toString(),
    registeredFor: view.registeredFor ?? null,
    payWei: view.pay.toString(),
    submissionCostWei: view.submissionCost?.toString() ?? null
  }
}

function describe(view: AccountView): string {
  const rows = [
    ['account', `${view.address}, chain ${view.chainId}`],
    ['balance', `${formatEther(view.balance)} ether`],
    [
      'credit',
      `${formatEther(view.credit)} ether in the Oracle${view.credit > 0n ? ': `account withdraw` takes it' : ''}`
    ],
    ['registered', view.registeredFor === undefined ? 'no' : `for the node ${view.registeredFor}`],
    ['pay', `${formatEther(view.pay)} ether for each success`],
    [
      'submission',
      view.submissionCost === undefined
        ? 'at a cost that the endpoint does not tell'
        : `costs about ${formatEther(view.submissionCost)} ether at the price of gas now`
    ]
  ]
  return rows.map(([name = '', value]) => `${name.padEnd(12)} ${value}`).join('\n')
}
