import type { Logger, NodeEvent } from '../src/interface/index.js'

/** What the person at a node's terminal hears of its jobs. All the rest is for `--log-level debug`. */
const told: Partial<Record<NodeEvent['type'], string>> = {
  'job:indexed': 'new job',
  'lease:acquired': 'this node does the job',
  'lease:lost': 'another worker does the job',
  'execution:finished': 'the model has run',
  'execution:aborted': 'the execution was stopped',
  'submission:accepted': 'the result is on chain',
  'submission:refused': 'the chain did not take the result'
}

/** Logs what happens to jobs here: the steps of each at `info`, everything at `debug`. */
export function jobLog(logger: Logger): (event: NodeEvent) => void {
  return event => {
    const { type, job, atMs, ...fields } = event
    const jobId = fields.jobId.toString()
    const message = told[type]
    if (message === undefined) {
      logger.debug({ ...fields, jobId, job, atMs }, type)
    } else {
      logger.info({ ...fields, jobId }, message)
    }
  }
}
