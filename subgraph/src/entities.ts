import { Address, BigInt, Bytes, ethereum } from '@graphprotocol/graph-ts'
import { Model, Worker } from '../generated/schema'

/** The worker of an account; a new one where the account was never seen. Not saved. */
export function workerOf(account: Address, event: ethereum.Event): Worker {
  let worker = Worker.load(account)
  if (worker == null) {
    worker = new Worker(account)
    worker.peerKey = new Bytes(32)
    worker.registered = false
    worker.succeeded = 0
    worker.failed = 0
    worker.refused = 0
    worker.blockNumber = event.block.number
    worker.blockHash = event.block.hash
    worker.txHash = event.transaction.hash
    worker.logIndex = event.logIndex
    worker.updatedBlock = event.block.number
  }
  return worker
}

/** The model at an address; a new one where it was never seen. Not saved. */
export function modelOf(address: Address, event: ethereum.Event): Model {
  let model = Model.load(address)
  if (model == null) {
    model = new Model(address)
    model.owner = Address.zero()
    model.category = 0
    model.manifestLocation = ''
    model.version = BigInt.zero()
    model.price = BigInt.zero()
    model.registered = false
    model.blockNumber = event.block.number
    model.blockHash = event.block.hash
    model.txHash = event.transaction.hash
    model.logIndex = event.logIndex
    model.updatedBlock = event.block.number
  }
  return model
}
