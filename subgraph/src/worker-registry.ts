import { WorkerRegistered, WorkerUnregistered } from '../generated/WorkerRegistry/WorkerRegistry'
import { workerOf } from './entities'

export function handleWorkerRegistered(event: WorkerRegistered): void {
  const worker = workerOf(event.params.account, event)
  worker.peerKey = event.params.peerKey
  worker.registered = true
  worker.updatedBlock = event.block.number
  worker.save()
}

export function handleWorkerUnregistered(event: WorkerUnregistered): void {
  const worker = workerOf(event.params.account, event)
  worker.registered = false
  worker.updatedBlock = event.block.number
  worker.save()
}
