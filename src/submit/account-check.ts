import type { Logger } from '../interface/logger.js'
import type {
  AccountState,
  Fees,
  GasPrice,
  SigningAccount,
  Standing,
  SubmissionChain,
  WorkerStanding
} from '../interface/submission-chain.js'
import { chooseFees, expectedPerGas, maxPerGas } from './fees.js'
import type { Problems } from './problems.js'
import { SUBMISSION_GAS, type SubmitSettings, withMargin } from './settings.js'

/** Below what so many submissions may cost, the operator is warned: an hour of work of a busy worker on Ethereum. */
const LOW_SUBMISSIONS = 20n
/** Work is taken up again with funds for two, so that it does not stop after the next one. */
const ENOUGH_SUBMISSIONS = 2n
/** Looks that must agree that the registry does not name this node: endpoints behind a balancer may lag. */
const UNREGISTERED_LOOKS = 2

export interface AccountCheckComponents {
  chain: Pick<SubmissionChain, 'chainId' | 'accountState'>
  account: Pick<SigningAccount, 'address'>
  standing?: Pick<WorkerStanding, 'look'> | undefined
  problems: Problems
  log: Logger
}

/** Looks whether a result could be submitted, before any work is taken up for one. */
export interface AccountCheck {
  /** Begins and ends problems by what the chain says. Throws ChainUnavailableError. */
  look(signal: AbortSignal): Promise<AccountState>
  /** When to look next: sooner while something is wrong, or seems to be. */
  delayMs(): number
  /** Fees for a transaction; undefined, and a problem, while gas costs more than it may. */
  fees(price: GasPrice): Fees | undefined
  /** A transaction needs more than the account holds. In wei. */
  noFunds(needed: bigint, balance: bigint): void
  /** Whether an ordinary submission costs more than it may, which is a problem then. */
  isTooDear(price: GasPrice): boolean
  /** What a success pays this account, in wei; undefined before it is known. */
  pay(): bigint | undefined
}

export function accountCheck(
  settings: SubmitSettings,
  { chain, account: { address }, standing, problems, log }: AccountCheckComponents
): AccountCheck {
  let found: Standing | undefined
  let doubts = 0
  /** What the last transaction needed that could not be paid for. */
  let shortOfWei = 0n
  let isLow = false
  let isLosing = false

  function checkRegistration({ registered }: Standing): void {
    doubts = registered === 'own' ? 0 : doubts + 1
    if (registered !== 'none') problems.end('not registered')
    if (registered !== 'another') problems.end('another node')
    if (doubts < UNREGISTERED_LOOKS) return
    if (registered === 'none') notRegistered(problems, log, address)
    if (registered === 'another') {
      problems.begin('another node', () =>
        log.error(
          { account: address },
          `Account ${address} is registered for another node now: no job is claimed here. Each worker needs an account of its own: stop one of the two nodes, or give it another account; to take this one back, start this node again with --replace-registration`
        )
      )
    }
  }

  function checkFunds(fees: Fees, balance: bigint): void {
    const one = maxPerGas(fees) * withMargin(leastGas(found), 0)
    const needed = problems.has('no funds') && shortOfWei > one ? shortOfWei : one
    if (balance < one) noFunds(one, balance)
    else if (balance >= needed * ENOUGH_SUBMISSIONS) problems.end('no funds')
    const wasLow = isLow
    isLow = balance < one * (wasLow ? 2n * LOW_SUBMISSIONS : LOW_SUBMISSIONS)
    if (isLow && !wasLow && !problems.has('no funds')) {
      log.warn(
        { account: address, balanceWei: balance.toString(), submissionWei: one.toString() },
        `Account ${address} holds enough for less than ${LOW_SUBMISSIONS} submissions at the fees of now: send it funds on chain ${chain.chainId}, or take its pay out of the Oracle with \`buffalo-node account withdraw\``
      )
    }
  }

  function noFunds(needed: bigint, balance: bigint): void {
    shortOfWei = needed
    problems.begin('no funds', () =>
      log.error(
        { account: address, balanceWei: balance.toString(), neededWei: needed.toString() },
        `Account ${address} cannot pay for its transactions: send it funds on chain ${chain.chainId}; no job is claimed until then, and results are kept and sent then`
      )
    )
  }

  function isTooDear(price: GasPrice): boolean {
    const pay = found?.price
    if (pay === undefined) return false
    const cost = SUBMISSION_GAS * expectedPerGas(price)
    const isDear = settings.maxCostFactor > 0 && cost > pay * BigInt(settings.maxCostFactor)
    if (isDear) {
      problems.begin('cost', () =>
        log.warn(
          { costWei: cost.toString(), payWei: pay.toString(), maxCostFactor: settings.maxCostFactor },
          'A submission costs more than --max-cost-factor times what a job pays: no job is claimed, and results wait, until gas is cheaper; raise the factor if this lasts'
        )
      )
    } else problems.end('cost')
    if (cost > pay && !isLosing && !isDear) {
      log.warn(
        { costWei: cost.toString(), payWei: pay.toString() },
        'A submission costs more than a job pays: this worker loses money with each; --max-cost-factor 1 makes it wait for cheaper gas'
      )
    }
    isLosing = cost > pay
    return isDear
  }

  function fees(price: GasPrice): Fees | undefined {
    const chosen = chooseFees(price, settings.maxFeePerGas)
    if (chosen !== undefined) problems.end('gas price')
    else {
      problems.begin('gas price', () =>
        log.warn(
          { maxFeePerGas: settings.maxFeePerGas.toString() },
          'Gas costs more than this node may pay: no job is claimed, and results wait; raise --max-fee-gwei if this lasts'
        )
      )
    }
    return chosen
  }

  return {
    async look(signal) {
      const [state, latest] = await Promise.all([chain.accountState(address, signal), standing?.look(signal)])
      found = latest
      if (found !== undefined) checkRegistration(found)
      const chosen = fees(state.gasPrice)
      if (chosen !== undefined) {
        checkFunds(chosen, state.balance)
        isTooDear(state.gasPrice)
      }
      return state
    },
    delayMs: () =>
      problems.isBlocked() || doubts > 0
        ? Math.min(5 * settings.pollIntervalMs, settings.checkIntervalMs)
        : settings.checkIntervalMs,
    fees,
    noFunds,
    isTooDear,
    pay: () => found?.price
  }
}

/** The Oracle takes nothing from the account. */
export function notRegistered(problems: Problems, log: Logger, address: string): void {
  problems.begin('not registered', () =>
    log.error(
      { account: address },
      `Account ${address} is not registered as a worker any more: no job is claimed. Start this node again, which registers it; results are kept and sent then`
    )
  )
}

/** Gas that one submission must be given: its own, and what Oracle._callBack wants to be left. */
function leastGas(standing: Standing | undefined): bigint {
  if (standing === undefined) return SUBMISSION_GAS
  return SUBMISSION_GAS + (standing.callbackGasLimit * 64n) / 63n + 50_000n
}
