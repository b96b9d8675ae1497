import { failureName, type Logger, type NodeEvent, SubmissionStatus } from '../src/interface/index.js'

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
    const { type, job, atMs, ...about } = event
    const jobId = about.jobId.toString()
    const message = isFailure(event) ? 'the job fails' : told[type]
    const fields = { ...about, ...named(event) }
    if (message === undefined) {
      logger.debug({ ...fields, jobId, job, atMs }, type)
    } else {
      logger.info({ ...fields, jobId }, message)
    }
  }
}

function isFailure(event: NodeEvent): boolean {
  return event.type === 'execution:finished' && !event.success
}

/** Codes in words. */
function named(event: NodeEvent): Record<string, string> {
  if (event.type === 'execution:finished') return event.success ? {} : { failure: failureName(event.code) }
  if (event.type !== 'submission:refused') return {}
  const name = Object.entries(SubmissionStatus).find(([, value]) => value === event.status)?.[0]
  return { status: name ?? `status ${event.status}` }
}
