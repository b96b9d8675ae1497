import { getAddress } from 'ethers'
import type { Address, PeerKey, Presence } from '../../interface/index.js'
import { InvalidMessageError } from '../../interface/index.js'
import { addressBytes, decodePayload, readHex, readInteger, writeHex, writeInteger } from '../fields.js'
import { messageLimits } from '../limits.js'
import { PresenceMessage } from '../messages.js'
import { RejectError } from './errors.js'

/** A CID in any of the multibase alphabets without punctuation. */
const modelPattern = /^[A-Za-z0-9]+$/
const maxTimeMs = 2 ** 50
const noAccount = `0x${'0'.repeat(2 * addressBytes)}`

/** What a worker says of itself; `worker` is the author. Its time is not judged. Throws RejectError. */
export function validatePresence(payload: Uint8Array, author: PeerKey): Presence {
  // Rule: the payload is a PresenceMessage of at most 128 models.
  const message = decodePayload(PresenceMessage, payload)

  // Rule: values have their length and range.
  const account = readHex(message.account, addressBytes, 'account')
  if (account === noAccount) throw new RejectError('value', 'A presence must name an account')
  const presence = {
    worker: author,
    account: checksummed(account),
    models: message.models,
    capacity: readInteger(message.capacity, 0, messageLimits.capacity, 'capacity'),
    load: readInteger(message.load, 0, messageLimits.capacity, 'load'),
    sentAtMs: readInteger(message.sentAtMs, 1, maxTimeMs, 'sentAtMs'),
    ...(message.outOfTime && { isOutOfTime: true as const })
  }

  // Rule: models are CIDs, each named once, and not too long together.
  const problem = modelsProblem(presence.models)
  if (problem !== undefined) throw new RejectError('value', problem)
  return presence
}

/** Throws InvalidMessageError for a presence that receivers would reject, or that is another worker's. */
export function encodePresence(presence: Presence, worker: PeerKey): Uint8Array {
  if (presence.worker !== worker) {
    throw new InvalidMessageError(`The presence of ${presence.worker} cannot be published here`)
  }
  const problem = modelsProblem(presence.models)
  if (problem !== undefined) throw new InvalidMessageError(problem)
  return PresenceMessage.encode({
    sentAtMs: writeInteger(presence.sentAtMs, maxTimeMs, 'sentAtMs'),
    account: writeHex(presence.account, addressBytes, 'account'),
    capacity: writeInteger(presence.capacity, messageLimits.capacity, 'capacity'),
    load: writeInteger(presence.load, messageLimits.capacity, 'load'),
    models: presence.models,
    outOfTime: presence.isOutOfTime === true
  })
}

function checksummed(account: string): Address {
  return `0x${getAddress(account).slice(2)}`
}

function modelsProblem(models: string[]): string | undefined {
  if (models.length > messageLimits.presenceModels) {
    return `A presence names ${models.length} models; the most is ${messageLimits.presenceModels}`
  }
  if (models.some(model => model.length > messageLimits.modelChars || !modelPattern.test(model))) {
    return 'A model of a presence is not a CID'
  }
  const chars = models.reduce((sum, model) => sum + model.length, 0)
  if (chars > messageLimits.presenceModelChars) {
    return `The models of a presence take ${chars} characters; the most is ${messageLimits.presenceModelChars}`
  }
  return new Set(models).size === models.length ? undefined : 'A presence names a model twice'
}
