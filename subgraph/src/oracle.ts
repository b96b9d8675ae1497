import { Address, BigInt, Bytes, ethereum, log } from '@graphprotocol/graph-ts'
import {
  CallbackCalled,
  JobCreated,
  JobFailed,
  JobSucceeded,
  ModelRegistered,
  ModelUpdated,
  SubmissionRefused
} from '../generated/Oracle/Oracle'
import { Job, Model, Result } from '../generated/schema'
import { dataHashOf } from './data-hash'
import { modelOf, workerOf } from './entities'
import { jobIdOf, logIdOf } from './ids'

export function handleJobCreated(event: JobCreated): void {
  const params = event.params
  // A job refers to its model, which need not have registered.
  if (Model.load(params.model) == null) modelOf(params.model, event).save()

  const job = new Job(jobIdOf(params.jobId))
  job.jobId = params.jobId
  job.status = 'Open'
  job.model = params.model
  job.callbackAddress = params.callbackAddress
  job.category = params.modelCategory
  job.seed = params.seed
  job.manifestLocation = params.modelConfigLocation
  job.inputLocation = params.inputDataLocationType
  job.input = params.input
  job.outputLocation = params.outputDataLocationType
  job.outputFormat = params.outputDataFormat
  job.createdTimestamp = params.createdTimestamp
  job.deadline = params.deadline
  job.payment = params.payment
  job.redundancy = params.redundancy
  job.requestHash = params.requestHash
  job.dataHash = dataHashOf(event, 3)
  job.blockNumber = event.block.number
  job.blockHash = event.block.hash
  job.txHash = event.transaction.hash
  job.logIndex = event.logIndex
  job.refusals = 0
  job.save()
}

export function handleJobSucceeded(event: JobSucceeded): void {
  const params = event.params
  finalise(event, params.jobId, params.worker, true, params.output, 0, '', params.receipt)
}

export function handleJobFailed(event: JobFailed): void {
  const params = event.params
  // `Bytes.empty()` of graph-ts has four bytes.
  finalise(event, params.jobId, params.worker, false, new Bytes(0), params.code, params.reason, params.receipt)
}

export function handleCallbackCalled(event: CallbackCalled): void {
  const params = event.params
  const job = Job.load(jobIdOf(params.jobId))
  if (job == null) return
  const resultId = job.result
  if (resultId === null) return
  const result = Result.load(resultId)
  if (result == null) return
  // A callback can be tried again later: the last attempt counts.
  result.callbackSuccess = params.success
  result.callbackReturnData = params.returnData
  result.callbackTxHash = event.transaction.hash
  result.save()
}

export function handleSubmissionRefused(event: SubmissionRefused): void {
  const worker = workerOf(event.params.worker, event)
  worker.refused += 1
  worker.save()
  const job = Job.load(jobIdOf(event.params.jobId))
  if (job == null) return
  job.refusals += 1
  job.save()
}

export function handleModelRegistered(event: ModelRegistered): void {
  const params = event.params
  const model = modelOf(params.model, event)
  model.owner = params.owner
  model.category = params.modelCategory
  model.manifestLocation = params.manifestLocation
  model.version = BigInt.fromI32(1)
  model.price = params.price
  model.registered = true
  model.updatedBlock = event.block.number
  model.save()
}

export function handleModelUpdated(event: ModelUpdated): void {
  const params = event.params
  const model = modelOf(params.model, event)
  model.version = params.version
  model.manifestLocation = params.manifestLocation
  model.price = params.price
  model.updatedBlock = event.block.number
  model.save()
}

function finalise(
  event: ethereum.Event,
  jobId: BigInt,
  account: Address,
  success: boolean,
  output: Bytes,
  failureCode: i32,
  failureReason: string,
  receipt: Bytes
): void {
  const job = Job.load(jobIdOf(jobId))
  if (job == null) {
    log.warning('Job {} was finalised and its creation lies before the start block', [jobId.toString()])
    return
  }

  const result = new Result(logIdOf(event))
  result.job = job.id
  // The zero address stands for a job that was reclaimed after its deadline.
  if (account != Address.zero()) {
    const worker = workerOf(account, event)
    if (success) worker.succeeded += 1
    else worker.failed += 1
    worker.save()
    result.worker = worker.id
  }
  result.success = success
  result.output = output
  result.failureCode = failureCode
  result.failureReason = failureReason
  result.receipt = receipt
  result.blockNumber = event.block.number
  result.blockHash = event.block.hash
  result.txHash = event.transaction.hash
  result.logIndex = event.logIndex
  result.timestamp = event.block.timestamp
  result.save()

  job.status = success ? 'Succeeded' : 'Failed'
  job.result = result.id
  job.save()
}
