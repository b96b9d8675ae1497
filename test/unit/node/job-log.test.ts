import { expect, it } from 'vitest'
import { jobLog } from '../../../node/job-log.js'
import { FailureCode, type Logger, type NodeEvent, SubmissionStatus } from '../../../src/interface/index.js'

it('behavior: the steps of a job are told at info, all else at debug; ids are decimal text', () => {
  const lines: [string, object, string][] = []
  const write = (level: string) => (fields: object, message: string) => {
    lines.push([level, fields, message])
  }
  const logger: Logger = {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger
  }
  const log = jobLog(logger)
  const about = { job: 'ab', jobId: 7n, atMs: 5 }
  const events: NodeEvent[] = [
    { ...about, type: 'lease:renewed', expiresMs: 9 },
    { ...about, type: 'execution:finished', success: true, code: 0, durationMs: 3 },
    { ...about, type: 'execution:finished', success: false, code: FailureCode.UnknownModel, durationMs: 0 },
    { ...about, type: 'submission:accepted', txHash: '0x01' },
    { ...about, type: 'submission:refused', status: SubmissionStatus.AlreadyFinal }
  ]
  events.forEach(log)
  expect(lines).toEqual([
    ['debug', { expiresMs: 9, jobId: '7', job: 'ab', atMs: 5 }, 'lease:renewed'],
    ['info', { success: true, code: 0, durationMs: 3, jobId: '7' }, 'the model has run'],
    [
      'info',
      { success: false, code: FailureCode.UnknownModel, failure: 'UnknownModel', durationMs: 0, jobId: '7' },
      'the job fails'
    ],
    ['info', { txHash: '0x01', jobId: '7' }, 'the result is on chain'],
    ['info', { status: 'AlreadyFinal', jobId: '7' }, 'the chain did not take the result']
  ])
})
