import { SubmissionStatus } from '../interface/chain.js'
import type { ChainView, MinedTransaction } from '../interface/submission-chain.js'
import type { Tracked } from './outbox.js'
import type { Sender, SenderComponents } from './sender.js'
import { CONSUMED_LOOKS, retryDelayMs, type SubmitSettings } from './settings.js'

/** Follows the transactions of the outbox until they are final. */
export interface Watcher {
  /**
   * Looks at the chain once and does what it calls for. Throws ChainUnavailableError.
   *
   * @returns whether anything was mined, dropped by a reorg, or given up
   */
  look(signal: AbortSignal): Promise<boolean>
}

export function watcher(
  settings: SubmitSettings,
  { chain, account, outbox, ledger, reporter, clock, log }: SenderComponents,
  sender: Sender
): Watcher {
  const lastHash = ({ entry }: Tracked) => entry.hashes.slice(-1)
  const overdue = ({ touchedAtMs }: Tracked, afterMs: number) => clock.steadyMs() - touchedAtMs >= afterMs

  async function reportMined({ entry, replaced }: Tracked, mined: MinedTransaction): Promise<void> {
    for (const item of entry.items) {
      if (replaced.has(item.requestHash)) continue
      const status = mined.statuses.get(item.jobId)
      if (status === SubmissionStatus.Accepted) {
        const { hash, blockNumber } = mined
        await reporter.report(item, { kind: 'accepted', txHash: hash, blockNumber }, { isLast: false })
      } else if (status !== undefined) {
        const refusal = { kind: 'refused', status, txHash: mined.hash } as const
        const ending = await reporter.report(item, refusal, { isLast: false })
        if (ending === 'replaced') replaced.add(item.requestHash)
      }
    }
  }

  /** A transaction that reverted decided nothing: its results go into another. */
  function requeueUndecided({ entry }: Tracked, { statuses, hash }: MinedTransaction): void {
    const undecided = entry.items.filter(({ jobId }) => !statuses.has(jobId))
    if (undecided.length === 0) return
    log.warn({ nonce: entry.nonce, txHash: hash }, 'A transaction reverted: sending its results again')
    for (const item of undecided) ledger.requeue(item, clock.steadyMs(), retryDelayMs(0))
  }

  async function onMined(tracked: Tracked, mined: MinedTransaction): Promise<void> {
    const { nonce } = tracked.entry
    log.debug({ nonce, txHash: mined.hash, blockNumber: mined.blockNumber }, 'A transaction is mined')
    tracked.mined = mined
    tracked.consumedLooks = 0
    await reportMined(tracked, mined)
    requeueUndecided(tracked, mined)
  }

  async function forget(tracked: Tracked): Promise<void> {
    await outbox.remove(tracked)
    ledger.dropReported(tracked.entry.items.filter(({ requestHash }) => !tracked.replaced.has(requestHash)))
  }

  /** Takes a transaction back that will not be mined; its results wait for another. */
  async function recall(tracked: Tracked, delayMs: number): Promise<void> {
    await outbox.remove(tracked)
    for (const item of tracked.entry.items) ledger.requeue(item, clock.steadyMs(), delayMs)
  }

  /** @returns whether a reorg dropped it */
  async function watchMined(tracked: Tracked, mined: MinedTransaction, view: ChainView): Promise<boolean> {
    const { nonce } = tracked.entry
    if (view.blockHashes.get(mined.blockNumber) !== mined.blockHash) {
      log.info({ nonce, txHash: mined.hash }, 'A reorg dropped the block of a transaction: watching it again')
      tracked.mined = undefined
      tracked.isLoose = true
      for (const item of tracked.entry.items) if (!mined.statuses.has(item.jobId)) ledger.markSent(item)
      return true
    }
    // An owner that queued the result anew is told again.
    await reportMined(tracked, mined)
    if (view.head.number - mined.blockNumber + 1 >= settings.confirmations) await forget(tracked)
    return false
  }

  /** @returns whether it is gone: its nonce was used by a transaction that is not ours */
  async function watchConsumed(tracked: Tracked, view: ChainView): Promise<boolean> {
    if (view.latestNonce <= tracked.entry.nonce) {
      tracked.consumedLooks = 0
      return false
    }
    if (clock.steadyMs() - tracked.consumedAtMs < settings.pollIntervalMs) return false
    tracked.consumedAtMs = clock.steadyMs()
    tracked.consumedLooks++
    if (tracked.consumedLooks < CONSUMED_LOOKS) return false
    const { nonce } = tracked.entry
    log.warn(
      { account: account.address, nonce },
      'Another transaction of this account used a nonce: does anything else use the account? Sending the results again'
    )
    await recall(tracked, 0)
    return true
  }

  /**
   * A transaction that the endpoint does not hold: sent again if all of it is still wanted, else taken back.
   *
   * @returns whether it was sent
   */
  async function resend(tracked: Tracked, signal: AbortSignal): Promise<boolean> {
    const { entry } = tracked
    if (tracked.refusal === 'rejected' && !entry.sent) {
      await recall(tracked, settings.pollIntervalMs)
      return false
    }
    if (tracked.refusal === 'underpriced') {
      await sender.replace(tracked, signal)
      return true
    }
    if (entry.items.length > 0) {
      const { outcome } = await chain.simulate(account.address, entry.data, entry.items.length, signal)
      const statuses = outcome.kind === 'statuses' ? outcome.statuses : []
      const isLost = statuses.length > 0 && !statuses.includes(SubmissionStatus.Accepted)
      // A job that a reorg has dropped may come back, and its result must not be there before it.
      if (isLost || statuses.includes(SubmissionStatus.UnknownJob)) {
        await recall(tracked, 0)
        return false
      }
    }
    await sender.broadcast(tracked, signal)
    return true
  }

  /** Looks after transactions that the endpoint may have lost, or that nobody mines at their price. */
  async function tendPending(signal: AbortSignal): Promise<void> {
    const isStuck = (tracked: Tracked) => tracked.entry.sent && overdue(tracked, settings.stuckAfterMs)
    const isUnsent = (tracked: Tracked) => !tracked.entry.sent && overdue(tracked, settings.pollIntervalMs)
    const neglected = outbox
      .pending()
      .filter(
        tracked => tracked.consumedLooks === 0 && (tracked.isLoose || isStuck(tracked) || isUnsent(tracked))
      )
    if (neglected.length === 0) return
    const known = await chain.isKnown(neglected.flatMap(lastHash), signal)
    /** The highest nonce that is in the pool for sure, and may wait for one below it. */
    let highest = -1
    for (const [i, tracked] of neglected.entries()) {
      const stuck = isStuck(tracked)
      tracked.touchedAtMs = clock.steadyMs()
      if (known[i] !== true) {
        if (!(await resend(tracked, signal))) continue
      } else if (stuck && tracked === outbox.pending()[0]) {
        // Only the first can be mined next: a higher fee for the others would buy nothing.
        await sender.replace(tracked, signal)
      } else if (!tracked.entry.sent) {
        await outbox.update(tracked, { sent: true }, { sync: false })
      }
      tracked.isLoose = false
      highest = Math.max(highest, tracked.entry.nonce)
    }
    if (highest >= 0) await sender.fillGaps(highest, signal)
  }

  return {
    async look(signal) {
      const all = outbox.all()
      const mined = all.filter(tracked => tracked.mined !== undefined)
      const pending = all.filter(tracked => tracked.mined === undefined)
      const view = await chain.view(
        account.address,
        {
          hashes: pending.flatMap(({ entry }) => entry.hashes),
          blocks: [...new Set(mined.map(tracked => tracked.mined?.blockNumber ?? 0))]
        },
        signal
      )
      let changed = false
      for (const tracked of mined) {
        if (tracked.mined !== undefined && (await watchMined(tracked, tracked.mined, view))) changed = true
      }
      for (const tracked of pending) {
        const found = tracked.entry.hashes
          .map(hash => view.mined.get(hash))
          .find(transaction => transaction !== undefined)
        if (found !== undefined) {
          await onMined(tracked, found)
          changed = true
          if (view.head.number - found.blockNumber + 1 >= settings.confirmations) await forget(tracked)
        } else if (await watchConsumed(tracked, view)) {
          changed = true
        }
      }
      await tendPending(signal)
      return changed
    }
  }
}
