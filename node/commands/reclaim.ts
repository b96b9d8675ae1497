import { Command } from 'commander'
import { formatEther } from 'ethers'
import { ConfigError } from '../../src/interface/index.js'
import { reclaimJob } from '../client/account.js'
import { integer } from '../config/fields.js'
import { resolveClientConfig } from '../config/resolve.js'
import { clientSettings } from '../config/settings.js'
import { connected, payoutOf } from './account.js'
import { addSettings, open } from './options.js'

export function addReclaimCommand(program: Command): void {
  const command = new Command('reclaim')
    .description("give a job's payment back to its client, once its deadline has passed without an answer")
    .argument('<id>', 'of the job')
    .addHelpText(
      'after',
      `
Anyone may do so, for the cost of the transaction. The payment is then the client's credit in the Oracle: a contract takes it
with withdraw (docs/contracts.md), an account that asked by itself with \`account withdraw\`.

Examples:
  $ npx buffalo-node reclaim 17
`
    )
  addSettings(command, clientSettings).action((id: string) => reclaim(id, command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function reclaim(text: string, command: Command): Promise<void> {
  const { loaded, output } = open(command)
  const { schema, must } = integer(1)
  const id = schema.safeParse(text)
  if (!id.success) throw new ConfigError(`<id> (argument): must be ${must}, got "${text}"`)
  const jobId = BigInt(id.data)
  const back = await connected(resolveClientConfig(loaded), output.progress, ({ sending }) =>
    sending().then(ready => reclaimJob(ready, jobId))
  )
  output.result(
    { ok: true, job: jobId.toString(), ...payoutOf(back) },
    `Job ${jobId} has failed for want of an answer, in ${back.txHash}: ${formatEther(back.amount)} ether are credited to its client ${back.to}`
  )
}
