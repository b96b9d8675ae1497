import type { Cursor } from '../db/repositories/cursor.js'
import type { JobKey } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import type { BatchOperation } from '../interface/database.js'
import type { JobReference } from '../interface/job.js'
import type { Logger } from '../interface/logger.js'
import type { SubgraphClient } from './client.js'
import type { Outage } from './outage.js'
import { type PagedReader, pagedReader } from './paged-reader.js'
import type { JobRow } from './rows.js'

export interface ReaderSettings {
  /** Default 1,000. */
  pageSize?: number
  /** Default 500. */
  pollIntervalMs?: number
  /** Default 3,000. See PagedReaderInit. */
  lagToleranceMs?: number
}

export interface ReaderComponents {
  subgraph: Pick<SubgraphClient, 'jobs' | 'results'>
  cursors: CursorStore
  logger: Logger
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  /** Shared by the readers of one subgraph. */
  outage?: Outage
}

/** Of the cursor repository, what readers use. */
export interface CursorStore {
  get(name: string): Promise<Cursor | undefined>
  put(name: string, cursor: Cursor): BatchOperation
}

/** A job, and whether it was open when it was read. */
export interface IndexedJob {
  reference: JobReference
  isOpen: boolean
  /** After it nobody can finish the job. Undefined: unknown. */
  deadlineMs: number | undefined
}

/** The name of a job without its key. */
export type UnkeyedReference = Omit<JobReference, 'key'>

export interface JobReaderInit extends ReaderSettings {
  jobKey(reference: UnkeyedReference): JobKey
  /** How many more jobs there is room for. Default: any number. */
  room?(): number
  /**
   * New jobs, in order of creation. Must put `saveCursor` into the batch that stores them, and resolve once that is written:
   * only then is the next page read. Where it rejects, or a crash takes the batch back, the cursor goes with the jobs, and they
   * come again: whoever announces them before they are stored must bear that.
   */
  onJobs(jobs: IndexedJob[], saveCursor: BatchOperation): Promise<void>
  /**
   * After a reorg: jobs with this id and above may be gone or lie elsewhere, and are read again. What was stored of
   * them should go in one batch with `saveCursor`.
   */
  onReorg(fromJobId: bigint, saveCursor: BatchOperation): Promise<void>
}

const cursorName = 'jobs'

/** Reads every job of the subgraph, once, in order of creation. */
export function jobReader(init: JobReaderInit): (components: ReaderComponents) => PagedReader {
  const { jobKey, onJobs, onReorg, ...settings } = init
  return ({ subgraph, cursors, ...components }) =>
    pagedReader<JobRow>({
      ...settings,
      what: 'jobs',
      // The Oracle's counter leaves no number out.
      follows: (before, row) => BigInt(row.id) === BigInt(before) + 1n,
      onRows: (rows, cursor) =>
        onJobs(
          rows.map(row => ({
            reference: referenceOf(row, jobKey),
            isOpen: row.status === 'Open',
            deadlineMs: deadlineMsOf(row)
          })),
          cursors.put(cursorName, cursor)
        ),
      onRewind: (last, cursor) =>
        onReorg(last === undefined ? 0n : BigInt(last) + 1n, cursors.put(cursorName, cursor))
    })({ source: subgraph.jobs, loadCursor: () => cursors.get(cursorName), ...components })
}

/** The reference that a row of the subgraph stands for. */
export function referenceOf(
  { id, status: _, deadline: __, ...place }: JobRow,
  jobKey: (reference: UnkeyedReference) => JobKey
): JobReference {
  const reference = { ...place, jobId: BigInt(id) }
  return { ...reference, key: jobKey(reference) }
}

export const deadlineMsOf = ({ deadline }: JobRow): number | undefined =>
  deadline === undefined ? undefined : deadline * 1_000
