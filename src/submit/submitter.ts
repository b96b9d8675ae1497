import { outboxRepository } from '../db/repositories/outbox.js'
import { resultRepository } from '../db/repositories/result.js'
import type { Clock } from '../interface/clock.js'
import type { Database } from '../interface/database.js'
import { ChainUnavailableError, DatabaseWriteError } from '../interface/errors.js'
import type { EmitEvent } from '../interface/events.js'
import type { Logger } from '../interface/logger.js'
import type { SigningAccount, SubmissionChain, WorkerStanding } from '../interface/submission-chain.js'
import type { Submitter, SubmitterHandlers, SubmitterStatus } from '../interface/submit.js'
import { accountCheck } from './account-check.js'
import { alarm } from './alarm.js'
import { resultLedger } from './ledger.js'
import { outbox } from './outbox.js'
import { problems } from './problems.js'
import { reporter } from './reporter.js'
import { sender } from './sender.js'
import {
  defaultSubmitSettings,
  FIRST_BACKOFF_MS,
  FIRST_LOOK_MS,
  LAST_BACKOFF_MS,
  type SubmitSettings
} from './settings.js'
import { watcher } from './watcher.js'

export interface SubmitterComponents {
  /** Holds the results (bucket `results`) before they are queued, and the outbox. */
  database: Database
  chain: SubmissionChain
  /** Used by nothing else while this runs: one writer allocates its nonces. */
  account: SigningAccount
  /** Without it neither the account's registration nor the pay of jobs is looked at. */
  standing?: WorkerStanding
  clock: Clock
  emit: EmitEvent
  handlers: SubmitterHandlers
  log: Logger
}

/**
 * Carries results to the chain through an outbox that survives a crash at any point.
 *
 * Outcomes are told when a block holds the transaction. It is watched on until it is `confirmations` deep, and sent again
 * if a reorg drops it. After a restart, outcomes of transactions that are not final yet are told again.
 */
export function submitter(
  init: Partial<SubmitSettings> = {}
): (components: SubmitterComponents) => Submitter {
  const settings: SubmitSettings = { ...defaultSubmitSettings, ...init }

  return ({ database, chain, account, standing, clock, emit, handlers, log }) => {
    const results = resultRepository(database)
    const ledger = resultLedger(async requestHash => (await results.get(requestHash))?.result)
    const box = outbox(database, outboxRepository(database, chain.chainId, account.address))
    const report = reporter({
      ledger,
      clock,
      emit,
      handlers,
      store: result =>
        database.batch([results.put(result.requestHash, { result, settled: false })], { sync: true }),
      log
    })
    const blockers = problems({ log, onChange: () => handlers.onCanSubmit?.() })
    const check = accountCheck(settings, { chain, account, standing, problems: blockers, log })
    const wake = alarm(clock)
    const drained = new Set<() => void>()
    let seen: SubmitterStatus['account']
    let running: { abort: AbortController; ended: Promise<void> } | undefined

    const isDrained = () => ledger.waitingCount() === 0 && box.pending().length === 0

    /** One transaction at a time while that is enough; more where results would wait long or fill a batch. */
    function maySend(nowMs: number): boolean {
      const inFlight = box.pending().length
      if (inFlight === 0) return true
      if (inFlight >= settings.maxInFlight) return false
      const oldestMs = ledger.oldestMs() ?? nowMs
      return ledger.waitingCount() >= settings.maxBatchItems || nowMs - oldestMs >= settings.maxWaitMs
    }

    async function run(signal: AbortSignal): Promise<void> {
      const shared = { chain, account, outbox: box, ledger, reporter: report, clock, emit, log }
      const components = { ...shared, problems: blockers, check, standing }
      const send = sender(settings, components)
      const watch = watcher(settings, components, send)
      let backoffMs = 0
      let lookDelayMs = FIRST_LOOK_MS
      let nextLookMs = clock.steadyMs()
      let blockedUntilMs = 0
      let blockedForMs = FIRST_BACKOFF_MS
      let retryMs = 0
      let nextCheckMs = clock.steadyMs()

      while (!signal.aborted) {
        // A result that is queued while the chain is away does not cut the pause short.
        if (clock.steadyMs() < retryMs) {
          await wake.wait(retryMs - clock.steadyMs())
          continue
        }
        try {
          if (clock.steadyMs() >= nextCheckMs) {
            const wasBlocked = blockers.isBlocked()
            nextCheckMs = clock.steadyMs() + LAST_BACKOFF_MS
            const state = await check.look(signal)
            seen = { balanceWei: state.balance, blockNumber: state.blockNumber, atMs: clock.now() }
            send.recheckPool(state)
            if (wasBlocked && !blockers.isBlocked()) blockedUntilMs = 0
            nextCheckMs = clock.steadyMs() + check.delayMs()
          }
          if (box.all().length > 0 && clock.steadyMs() >= nextLookMs) {
            const changed = await watch.look(signal)
            const isBusy = box.pending().length > 0
            lookDelayMs =
              isBusy && !changed
                ? Math.min(lookDelayMs * 2, settings.pollIntervalMs)
                : settings.pollIntervalMs
            if (isBusy && changed) lookDelayMs = FIRST_LOOK_MS
            nextLookMs = clock.steadyMs() + lookDelayMs
          }
          while (clock.steadyMs() >= blockedUntilMs && maySend(clock.steadyMs())) {
            const outcome = await send.sendBatch(signal)
            if (outcome === 'idle') {
              // What waits for its own job's transaction waits for the next look.
              if ((ledger.nextReadyMs(clock.steadyMs()) ?? Number.POSITIVE_INFINITY) <= clock.steadyMs()) {
                blockedUntilMs = Math.max(nextLookMs, clock.steadyMs() + FIRST_LOOK_MS)
              }
              break
            }
            if (outcome === 'sent') {
              lookDelayMs = FIRST_LOOK_MS
              nextLookMs = clock.steadyMs() + lookDelayMs
              blockedForMs = FIRST_BACKOFF_MS
            } else if (outcome === 'blocked') {
              nextCheckMs = Math.min(nextCheckMs, clock.steadyMs() + check.delayMs())
              blockedUntilMs = clock.steadyMs() + blockedForMs
              blockedForMs = Math.min(blockedForMs * 2, LAST_BACKOFF_MS)
            }
          }
          backoffMs = 0
        } catch (err) {
          if (signal.aborted) break
          // The connection and the database say by themselves, once, that they are down.
          if (err instanceof ChainUnavailableError || err instanceof DatabaseWriteError)
            log.debug({ err }, 'Submitting waits for the chain or the disk')
          else log.error({ err }, 'Submitting failed; trying again')
          backoffMs = Math.min(Math.max(backoffMs * 2, FIRST_BACKOFF_MS), LAST_BACKOFF_MS)
          retryMs = clock.steadyMs() + backoffMs
          continue
        }
        if (isDrained()) for (const resolve of drained) resolve()
        await wake.wait(delayMs(nextLookMs, blockedUntilMs, nextCheckMs))
      }
    }

    /** Until there is something to do, unless a result is queued before. */
    function delayMs(nextLookMs: number, blockedUntilMs: number, nextCheckMs: number): number {
      const nowMs = clock.steadyMs()
      const times = [nextCheckMs]
      if (box.all().length > 0) times.push(nextLookMs)
      const readyMs = ledger.nextReadyMs(nowMs)
      if (readyMs !== undefined) {
        const isFull = box.pending().length >= settings.maxInFlight
        // In flight: at the next look, or when those that wait have waited long enough.
        const allowedMs = box.pending().length > 0 ? (ledger.oldestMs() ?? nowMs) + settings.maxWaitMs : 0
        if (!isFull) times.push(Math.max(readyMs, blockedUntilMs, allowedMs))
      }
      return Math.max(0, Math.min(...times) - nowMs)
    }

    async function load(): Promise<void> {
      await box.load(clock.steadyMs())
      for (const { entry } of box.all()) entry.items.forEach(ledger.markSent)
    }

    return {
      async start() {
        if (running !== undefined) return
        const abort = new AbortController()
        const loaded = load()
        const ended = loaded.then(() => run(abort.signal))
        running = { abort, ended }
        // What `load` throws is for the caller of `start`, which may be called again.
        ended.catch(() => {
          running = undefined
        })
        await loaded
      },
      async stop() {
        if (running === undefined) return
        const { abort, ended } = running
        abort.abort()
        wake.ring()
        await ended.catch(() => {})
        running = undefined
      },
      enqueue(result) {
        ledger.add(result, clock.steadyMs())
        wake.ring()
      },
      canSubmit: () => !blockers.isBlocked(),
      status: () => ({
        waitingResults: ledger.waitingCount(),
        pendingTransactions: box.pending().length,
        problems: blockers.all(),
        account: seen,
        payWei: check.pay()
      }),
      async drain(timeoutMs) {
        if (isDrained()) return
        await new Promise<void>(resolve => {
          const done = () => {
            timer.cancel()
            drained.delete(done)
            resolve()
          }
          const timer = clock.schedule(timeoutMs, done)
          drained.add(done)
        })
      }
    }
  }
}
