import { createHash } from 'node:crypto'
import { JobStatus, type MinedTransaction, SubmissionStatus } from '../../src/interface/index.js'
import type { EventLoop } from './event-loop.js'
import type { Random } from './random.js'

type Hex = `0x${string}`

/** A request for a job, before and after it is mined. A reorg may mine it again, elsewhere, or never. */
export interface Request {
  content: number
  txHash: Hex
  model: string
}

/** A job as the canonical chain holds it. */
export interface ChainJob {
  jobId: bigint
  request: Request
  requestHash: Hex
  dataHash: Hex
  blockNumber: number
  blockHash: Hex
  logIndex: number
  createdAtMs: number
  deadlineMs: number
  final: { blockNumber: number; blockHash: Hex; txHash: Hex; account: Hex; index: number } | undefined
}

/** A transaction of a worker's account. */
export interface Submission {
  hash: Hex
  account: Hex
  nonce: number
  items: { jobId: bigint; requestHash: Hex }[]
  /** No block takes it before; see `settleEveryMs`. */
  fromMs?: number
}

interface Block {
  number: number
  hash: Hex
  requests: Request[]
  submissions: Submission[]
  /** Jobs that it made final. */
  finals: ChainJob[]
}

/** The rules of the Oracle, on a chain that mines, and sometimes thinks again. */
export interface SimulatedChain {
  headNumber(): number
  blockHash(number: number): Hex | undefined
  /** The canonical job with this id, as a node that has read up to block `upTo` sees it. */
  job(jobId: bigint, upTo: number): ChainJob | undefined
  status(jobId: bigint, upTo: number): JobStatus
  /** What the Oracle would say of a submission after block `upTo`. */
  answer(item: Submission['items'][number], upTo: number): SubmissionStatus
  jobs(): readonly ChainJob[]
  /** Final jobs in the order in which they became so. */
  finals(upTo: number): ChainJob[]
  mined(hash: Hex, upTo: number): MinedTransaction | undefined
  nonces(account: Hex, upTo: number): { latest: number; pending: number }
  isKnown(hash: Hex): boolean
  request(model: string): void
  /** False: another transaction has used the nonce. */
  broadcast(submission: Submission): boolean
  /** What was broadcast here since the last call, for other copies of this chain. */
  untold(): Submission[]
  start(): void
  /** Replaces the newest blocks. What they held goes back to the pool; `dropNewest`: but for the newest request. */
  reorg(depth: number, dropNewest: boolean): void
  /** Whether the chain ever held this log. */
  everHeld(blockHash: Hex, jobId: bigint): boolean
  /** How often a job's finalisation was undone by a reorg. */
  undone(): number
  /** Jobs that are final now. */
  finalised(): number
}

export interface ChainInit {
  loop: EventLoop
  rng: Random
  epochMs: number
  blockIntervalMs: number
  jobTimeoutMs: number
  /**
   * Where several copies of the chain run: a transaction counts from the next multiple of this on, and by then all copies must
   * have been told of it. So all mine the same blocks.
   */
  settleEveryMs?: number
  onMined?(job: ChainJob): void
  onFinal?(job: ChainJob): void
}

export const hashOf = (...parts: (string | number | bigint)[]): Hex =>
  `0x${createHash('sha256').update(parts.join('|')).digest('hex')}`

export function simulatedChain(init: ChainInit): SimulatedChain {
  const { loop, rng, epochMs, blockIntervalMs, jobTimeoutMs, settleEveryMs } = init
  const genesis: Block = { number: 0, hash: hashOf('genesis'), requests: [], submissions: [], finals: [] }
  const blocks: Block[] = [genesis]
  const jobs: ChainJob[] = []
  const receipts = new Map<Hex, MinedTransaction & { account: Hex }>()
  const latestNonces = new Map<Hex, { block: number; nonce: number }[]>()
  let requestPool: Request[] = []
  let submissionPool: Submission[] = []
  const held = new Set<string>()
  let requests = 0
  /** Of this chain's copies: transactions that the others have not been told of. */
  let untold: Submission[] = []
  let forks = 0
  let undone = 0
  let finalised = 0

  const head = (): Block => blocks.at(-1) ?? genesis
  const latestNonce = (account: Hex, upTo: number): number =>
    latestNonces.get(account)?.findLast(({ block }) => block <= upTo)?.nonce ?? 0

  function job(jobId: bigint, upTo: number): ChainJob | undefined {
    const found = jobs[Number(jobId) - 1]
    return found !== undefined && found.blockNumber <= upTo ? found : undefined
  }

  function status(jobId: bigint, upTo: number): JobStatus {
    const found = job(jobId, upTo)
    if (found === undefined) return JobStatus.None
    return found.final !== undefined && found.final.blockNumber <= upTo ? JobStatus.Succeeded : JobStatus.Open
  }

  function answer({ jobId, requestHash }: Submission['items'][number], upTo: number): SubmissionStatus {
    const found = job(jobId, upTo)
    if (found === undefined) return SubmissionStatus.UnknownJob
    if (found.requestHash !== requestHash) return SubmissionStatus.WrongRequest
    if (status(jobId, upTo) !== JobStatus.Open) return SubmissionStatus.AlreadyFinal
    return epochMs + loop.nowMs() > found.deadlineMs
      ? SubmissionStatus.PastDeadline
      : SubmissionStatus.Accepted
  }

  function mine(): void {
    const number = blocks.length
    const hash = hashOf('block', number, forks, head().hash)
    const block: Block = { number, hash, requests: requestPool, submissions: [], finals: [] }
    requestPool = []
    blocks.push(block)
    let logIndex = 0
    for (const request of block.requests) {
      const jobId = BigInt(jobs.length + 1)
      // Blocks tell the time in whole seconds.
      const nowMs = Math.floor((epochMs + loop.nowMs()) / 1_000) * 1_000
      const made: ChainJob = {
        jobId,
        request,
        requestHash: hashOf('request', jobId, request.content),
        dataHash: hashOf('data', jobId, request.content),
        blockNumber: number,
        blockHash: hash,
        logIndex: logIndex++,
        createdAtMs: nowMs,
        deadlineMs: nowMs + jobTimeoutMs,
        final: undefined
      }
      jobs.push(made)
      held.add(`${hash}:${jobId}`)
      init.onMined?.(made)
    }
    const waiting = submissionPool.filter(({ fromMs = 0 }) => fromMs > loop.nowMs())
    const due = submissionPool.filter(({ fromMs = 0 }) => fromMs <= loop.nowMs())
    for (const submission of due.sort(settleEveryMs === undefined ? byNonce : byNonceAndHash)) {
      const { account, nonce } = submission
      const next = latestNonce(account, number)
      if (nonce > next) waiting.push(submission)
      if (nonce !== next) continue
      latestNonces.set(account, [...(latestNonces.get(account) ?? []), { block: number, nonce: nonce + 1 }])
      include(block, submission, () => logIndex++)
    }
    submissionPool = waiting
  }

  function include(block: Block, submission: Submission, nextLog: () => number): void {
    const statuses = new Map<bigint, SubmissionStatus>()
    for (const item of submission.items) {
      const said = answer(item, block.number)
      statuses.set(item.jobId, said)
      const target = job(item.jobId, block.number)
      if (said !== SubmissionStatus.Accepted || target === undefined) continue
      const { number, hash } = block
      const { hash: txHash, account } = submission
      target.final = { blockNumber: number, blockHash: hash, txHash, account, index: nextLog() }
      block.finals.push(target)
      finalised++
      init.onFinal?.(target)
    }
    block.submissions.push(submission)
    const { hash, account } = submission
    const place = { blockNumber: block.number, blockHash: block.hash }
    receipts.set(hash, { hash, account, ...place, success: true, statuses })
  }

  function next(): void {
    loop.at(loop.nowMs() + blockIntervalMs * rng.between(0.8, 1.2), () => {
      mine()
      next()
    })
  }

  return {
    headNumber: () => head().number,
    blockHash: number => blocks[number]?.hash,
    job,
    status,
    answer,
    jobs: () => jobs,
    finals: upTo => blocks.slice(0, upTo + 1).flatMap(block => block.finals),
    mined(hash, upTo) {
      const receipt = receipts.get(hash)
      return receipt !== undefined && receipt.blockNumber <= upTo ? receipt : undefined
    },
    nonces(account, upTo) {
      const latest = latestNonce(account, upTo)
      let pending = latestNonce(account, head().number)
      while (submissionPool.some(tx => tx.account === account && tx.nonce === pending)) pending++
      return { latest, pending }
    },
    isKnown: hash => receipts.has(hash) || submissionPool.some(tx => tx.hash === hash),
    request(model) {
      const content = ++requests
      requestPool.push({ content, txHash: hashOf('tx', content), model })
    },
    broadcast(said) {
      if (said.nonce < latestNonce(said.account, head().number)) return false
      const isTold = said.fromMs !== undefined
      const submission =
        settleEveryMs === undefined || isTold
          ? said
          : { ...said, fromMs: (Math.floor(loop.nowMs() / settleEveryMs) + 1) * settleEveryMs }
      if (settleEveryMs !== undefined && !isTold) untold.push(submission)
      submissionPool = submissionPool.filter(
        ({ account, nonce }) => account !== submission.account || nonce !== submission.nonce
      )
      submissionPool.push(submission)
      return true
    },
    untold() {
      const told = untold
      untold = []
      return told
    },
    start: next,
    reorg(depth, dropNewest) {
      forks++
      const count = Math.min(depth, blocks.length - 1)
      const orphaned = blocks.splice(blocks.length - count, count)
      for (const block of orphaned) {
        jobs.splice(jobs.length - block.requests.length, block.requests.length)
        undone += block.finals.length
        finalised -= block.finals.length
        for (const finalised of block.finals) finalised.final = undefined
        for (const { hash, account } of block.submissions) {
          receipts.delete(hash)
          const known = latestNonces.get(account) ?? []
          latestNonces.set(
            account,
            known.filter(entry => entry.block < block.number)
          )
        }
      }
      const again = orphaned.flatMap(block => block.requests)
      if (dropNewest) again.pop()
      // Two requests of one block may change places: then a job id stands for another request.
      requestPool = [...(rng.chance(0.3) ? rng.shuffle(again) : again), ...requestPool]
      submissionPool = [...orphaned.flatMap(block => block.submissions), ...submissionPool]
      for (let mined = 0; mined <= count; mined++) mine()
    },
    everHeld: (blockHash, jobId) => held.has(`${blockHash}:${jobId}`),
    undone: () => undone,
    finalised: () => finalised
  }
}

const byNonce = (a: Submission, b: Submission): number => a.nonce - b.nonce
const byNonceAndHash = (a: Submission, b: Submission): number =>
  byNonce(a, b) || (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0)
