import type { Hex, JobKey } from '../interface/bytes.js'
import type { BatchOperation } from '../interface/database.js'
import type { JobReference } from '../interface/job.js'
import {
  deadlineMsOf,
  type ReaderComponents,
  type ReaderSettings,
  referenceOf,
  type UnkeyedReference
} from './job-reader.js'
import { type PagedReader, pagedReader } from './paged-reader.js'
import type { ResultRow } from './rows.js'

/** A job that the chain has finalised, as the subgraph tells. */
export interface FinalJob {
  job: JobReference
  deadlineMs: number | undefined
  success: boolean
  /** The account that submitted the result; undefined where the job was reclaimed after its deadline. */
  account: Hex | undefined
  txHash: Hex
  blockNumber: number
  blockHash: Hex
}

export interface ResultReaderInit extends ReaderSettings {
  jobKey(reference: UnkeyedReference): JobKey
  /** Jobs that became final, in that order. As `onJobs` of the job reader. */
  onResults(results: FinalJob[], saveCursor: BatchOperation): Promise<void>
  /** After a reorg: results above this block (-1: all) may be gone, their jobs open again. All are read again. */
  onReorg(aboveBlock: number, saveCursor: BatchOperation): Promise<void>
}

const cursorName = 'results'

/** Reads every result of the subgraph, once, in order of creation. */
export function resultReader(init: ResultReaderInit): (components: ReaderComponents) => PagedReader {
  const { jobKey, onResults, onReorg, ...settings } = init
  return ({ subgraph, cursors, ...components }) =>
    pagedReader<ResultRow>({
      ...settings,
      what: 'results',
      onRows: (rows, cursor) => onResults(rows.map(finalJob), cursors.put(cursorName, cursor)),
      onRewind: (_last, cursor) =>
        onReorg(cursor.anchors.at(-1)?.blockNumber ?? -1, cursors.put(cursorName, cursor))
    })({ source: subgraph.results, loadCursor: () => cursors.get(cursorName), ...components })

  function finalJob({ job, success, worker, txHash, blockNumber, blockHash }: ResultRow): FinalJob {
    const about = { success, account: worker?.id, txHash, blockNumber, blockHash }
    return { job: referenceOf(job, jobKey), deadlineMs: deadlineMsOf(job), ...about }
  }
}
