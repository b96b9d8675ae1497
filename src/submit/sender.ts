import type { OutboxItem } from '../db/repositories/outbox.js'
import { SubmissionStatus } from '../interface/chain.js'
import type { Clock } from '../interface/clock.js'
import type { EmitEvent } from '../interface/events.js'
import type { Logger } from '../interface/logger.js'
import type {
  AccountState,
  SigningAccount,
  SubmissionChain,
  SubmissionItem,
  WorkerStanding
} from '../interface/submission-chain.js'
import { type AccountCheck, notRegistered } from './account-check.js'
import { maxPerGas, replacementFees } from './fees.js'
import { itemBytes, submissionItem } from './item.js'
import type { Ledger } from './ledger.js'
import { lossGuard } from './loss-guard.js'
import { findGap, hasForeignPending, nextNonce } from './nonces.js'
import type { Outbox, Tracked } from './outbox.js'
import type { Problems } from './problems.js'
import type { Reporter } from './reporter.js'
import {
  MAX_BATCH_GAS,
  MAX_FILLERS,
  retryDelayMs,
  type SubmitSettings,
  UNKNOWN_JOB_ATTEMPTS,
  withMargin
} from './settings.js'

export interface SenderComponents {
  chain: SubmissionChain
  account: SigningAccount
  outbox: Outbox
  ledger: Ledger
  reporter: Reporter
  problems: Problems
  check: AccountCheck
  standing?: WorkerStanding | undefined
  clock: Clock
  emit: EmitEvent
  log: Logger
}

/** `blocked`: try again after a pause; results stay where they are. */
export type SendOutcome = 'sent' | 'again' | 'idle' | 'blocked'

/** Makes transactions, signs them and hands them to the endpoint. All methods throw ChainUnavailableError. */
export interface Sender {
  /** Sends one batch of what waits. `again`: something was sorted out, and there may be more. */
  sendBatch(signal: AbortSignal): Promise<SendOutcome>
  /** Hands the latest version of a transaction to the endpoint. */
  broadcast(tracked: Tracked, signal: AbortSignal): Promise<void>
  /** The same transaction with a higher fee; the old version again where the fee is at its cap. */
  replace(tracked: Tracked, signal: AbortSignal): Promise<void>
  /** Empty transactions for nonces that nothing is known of, below `nonce`, which waits for them. */
  fillGaps(nonce: number, signal: AbortSignal): Promise<void>
  /** Looks whether the pool still holds what the outbox does not know, if it may. */
  recheckPool(state: AccountState): void
}

/** A plain transfer. */
const FILLER_GAS = 21_000n

export function sender(settings: SubmitSettings, components: SenderComponents): Sender {
  const { chain, account, outbox, ledger, reporter, problems, check, clock, emit, log } = components
  const { chainId } = chain
  const { address } = account
  const lossOf = lossGuard(settings, components)
  /** Lowered where a whole batch would revert or need too much gas, raised again by success. */
  let batchLimit = settings.maxBatchItems
  /** Whether the pool may hold results that the outbox knows nothing of. */
  let poolUnknown = !settings.isContinuous

  /** What fits into one transaction, oldest first; at least one. */
  async function pick(): Promise<{ item: OutboxItem; submission: SubmissionItem }[]> {
    const busy = new Set(outbox.pending().flatMap(({ entry }) => entry.items.map(({ jobId }) => jobId)))
    const picked: { item: OutboxItem; submission: SubmissionItem }[] = []
    let sizeBytes = 0
    for (const item of ledger.ready(clock.steadyMs(), batchLimit, busy)) {
      const result = await ledger.result(item)
      if (result === undefined) {
        log.error({ job: item.job }, 'A result to be submitted is not in the database any more')
        ledger.drop(item.requestHash)
        continue
      }
      const submission = submissionItem(result)
      sizeBytes += itemBytes(submission)
      if (picked.length > 0 && sizeBytes > settings.maxBatchBytes) break
      picked.push({ item, submission })
    }
    return picked
  }

  /** Tells of the items that the chain would refuse; @returns whether there were any. */
  async function sortOut(items: OutboxItem[], statuses: SubmissionStatus[]): Promise<boolean> {
    let some = false
    for (const [i, item] of items.entries()) {
      const status = statuses[i] ?? SubmissionStatus.Accepted
      if (status === SubmissionStatus.Accepted) continue
      some = true
      const attempts = ledger.attempts(item.requestHash)
      if (status === SubmissionStatus.UnknownJob && attempts < UNKNOWN_JOB_ATTEMPTS) {
        ledger.requeue(item, clock.steadyMs(), settings.pollIntervalMs * 2 ** attempts)
        continue
      }
      await reporter.report(item, { kind: 'refused', status, txHash: undefined }, { isLast: true })
    }
    return some
  }

  function halve(count: number): SendOutcome {
    batchLimit = Math.ceil(count / 2)
    return 'again'
  }

  /** The whole call would revert. */
  function handleRevert(reason: string, items: OutboxItem[]): SendOutcome {
    if (reason === 'NotRegistered') {
      notRegistered(problems, log, address)
      return 'blocked'
    }
    if (items.length > 1) return halve(items.length)
    const [item] = items
    if (item === undefined) return 'idle'
    return later(item, () =>
      log.error(
        { job: item.job, reason },
        'The chain would revert the submission of this result; trying again later'
      )
    )
  }

  /** Tries one result again after a while; says why the first time. */
  function later(item: OutboxItem, logIt: () => void): SendOutcome {
    const attempts = ledger.attempts(item.requestHash)
    if (attempts === 0) logIt()
    ledger.requeue(item, clock.steadyMs(), retryDelayMs(attempts))
    batchLimit = settings.maxBatchItems
    return 'again'
  }

  /** Some of the items cost more than they may: found one by one. */
  function putOff(items: OutboxItem[]): SendOutcome {
    const [item] = items
    if (item === undefined || items.length > 1) return halve(items.length)
    return later(item, () =>
      log.warn(
        { job: item.job, jobId: item.jobId, maxCostFactor: settings.maxCostFactor },
        'The callback of this job costs more than --max-cost-factor times its pay: its result waits for cheaper gas'
      )
    )
  }

  /** `again`: the pool is known now. What was simulated before may be of before its last transaction. */
  function checkPool({ nonces }: AccountState): SendOutcome {
    poolUnknown = hasForeignPending(nonces, outbox.nonces())
    if (!poolUnknown) {
      problems.end('unknown transactions')
      return 'again'
    }
    problems.begin('unknown transactions', () =>
      log.warn(
        { account: address },
        'Transactions of this account wait that its database does not know: results wait until they are mined, as they may be in them, and no job is claimed'
      )
    )
    return 'blocked'
  }

  async function sendBatch(signal: AbortSignal): Promise<SendOutcome> {
    const picked = await pick()
    if (picked.length === 0) return 'idle'
    const items = picked.map(({ item }) => item)
    const data = chain.encode(picked.map(({ submission }) => submission))
    const simulation = await chain.simulate(address, data, items.length, signal)
    const { outcome, gas } = simulation
    if (outcome.kind === 'reverted') return handleRevert(outcome.reason, items)
    problems.end('not registered')
    if (poolUnknown) return checkPool(simulation)
    if (await sortOut(items, outcome.statuses)) return 'again'
    if (gas === undefined || (gas > MAX_BATCH_GAS && items.length > 1)) {
      return handleRevert('its gas cannot be estimated', items)
    }
    const loss = await lossOf({ data, items: items.length, gas }, simulation.gasPrice, signal)
    if (loss === 'dear') return 'blocked'
    if (loss === 'item') return putOff(items)
    const attempts = Math.max(...items.map(({ requestHash }) => ledger.attempts(requestHash)))
    const gasLimit = withMargin(gas, attempts)
    return await send(simulation, { items, data, to: chain.oracle, gasLimit }, signal)
  }

  /** Written first, then sent: a crash between the two is seen and mended at the next start. */
  async function send(
    { gasPrice, balance, nonces }: AccountState,
    { items, data, to, gasLimit }: Pick<Tracked['entry'], 'items' | 'data' | 'to' | 'gasLimit'>,
    signal: AbortSignal
  ): Promise<SendOutcome> {
    const fees = check.fees(gasPrice)
    if (fees === undefined) return 'blocked'
    const cost = gasLimit * maxPerGas(fees)
    if (balance < cost) {
      // The first of them may be paid for.
      if (items.length > 1) return halve(items.length)
      check.noFunds(cost, balance)
      return 'blocked'
    }
    problems.end('no funds')
    const nonce = nextNonce(nonces, outbox.nonces())
    const { raw, hash } = await account.sign({ chainId, nonce, to, data, gasLimit, fees })
    const entry = {
      chainId,
      account: address,
      nonce,
      to,
      data,
      gasLimit,
      items,
      hashes: [hash],
      raw,
      fees,
      sent: false
    }
    const tracked = await outbox.add(entry, clock.steadyMs())
    items.forEach(ledger.markSent)
    batchLimit = Math.min(batchLimit * 2, settings.maxBatchItems)
    await broadcast(tracked, signal)
    return 'sent'
  }

  async function broadcast(tracked: Tracked, signal: AbortSignal): Promise<void> {
    const { entry } = tracked
    const txHash = entry.hashes.at(-1)
    const answer = await chain.broadcast(entry.raw, signal)
    tracked.touchedAtMs = clock.steadyMs()
    const about = { nonce: entry.nonce, txHash, items: entry.items.length }
    switch (answer.kind) {
      case 'sent':
        for (const { job, jobId } of entry.items) {
          if (txHash !== undefined) emit({ type: 'submission:sent', job, jobId, atMs: clock.now(), txHash })
        }
        log.debug(about, 'Sent a transaction')
        problems.end('no funds')
        break
      case 'known':
        break
      case 'nonce-used':
        // By an earlier version of it or by a stranger: the next look at the chain tells.
        log.debug(about, 'The nonce of a transaction has been used')
        return
      case 'no-funds':
        check.noFunds(
          entry.gasLimit * maxPerGas(entry.fees),
          (await chain.accountState(address, signal)).balance
        )
        return
      case 'underpriced':
      case 'rejected':
        if (tracked.refusal === undefined) {
          log.warn(
            { ...about, reason: answer.message },
            'The endpoint does not take a transaction; trying again'
          )
        }
        tracked.refusal = answer.kind
        return
    }
    tracked.refusal = undefined
    if (!entry.sent) await outbox.update(tracked, { sent: true }, { sync: false })
  }

  async function replace(tracked: Tracked, signal: AbortSignal): Promise<void> {
    const { entry } = tracked
    const { nonce, to, data, gasLimit } = entry
    const { gasPrice, balance } = await chain.accountState(address, signal)
    const fees = replacementFees(entry.fees, gasPrice, settings.maxFeePerGas)
    if (fees === undefined || balance < gasLimit * maxPerGas(fees)) {
      log.warn(
        { nonce, txHash: entry.hashes.at(-1) },
        'A transaction is not mined, and this node may not pay more for it'
      )
      await broadcast(tracked, signal)
      return
    }
    const { raw, hash } = await account.sign({ chainId, nonce, to, data, gasLimit, fees })
    log.info(
      { nonce, txHash: hash, replaces: entry.hashes.at(-1) },
      'Replacing a transaction that is not mined'
    )
    await outbox.update(tracked, { raw, fees, hashes: [...entry.hashes, hash] }, { sync: true })
    await broadcast(tracked, signal)
  }

  async function fillGaps(nonce: number, signal: AbortSignal): Promise<void> {
    const state = await chain.accountState(address, signal)
    for (let count = 0; count < MAX_FILLERS; count++) {
      const gap = findGap(state.nonces, outbox.nonces())
      if (gap === undefined || gap > nonce) return
      log.warn(
        { nonce: gap },
        'A nonce is missing before transactions that wait: filling it with an empty transaction'
      )
      const filler = { items: [], data: '0x', to: address, gasLimit: FILLER_GAS } as const
      if ((await send(state, { ...filler, items: [] }, signal)) === 'blocked') return
    }
  }

  return {
    sendBatch,
    broadcast,
    replace,
    fillGaps,
    recheckPool(state) {
      if (poolUnknown) checkPool(state)
    }
  }
}
