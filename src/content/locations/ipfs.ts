import {
  ContentInvalidError,
  ContentUnavailableError,
  FailureCode,
  JobFailedError
} from '../../interface/index.js'
import type { Content } from '../content.js'
import type { Copies } from '../copies.js'
import { TransientError } from '../https.js'
import { decodeLocation, type ResolveInput, type StoreFile } from './location.js'

const scheme = 'ipfs://'

/** Inputs at `ipfs://<cid>`. Throws TransientError for what nobody sends now. */
export function ipfsInput(content: Pick<Content, 'read'>, { maxBytes }: { maxBytes: number }): ResolveInput {
  return async (_job, input, signal) => {
    const location = decodeLocation(input)
    try {
      const cid = location.startsWith(scheme) ? location.slice(scheme.length) : location
      return { encoding: 'content', bytes: await content.read(cid, { maxBytes, signal }) }
    } catch (err) {
      if (err instanceof ContentInvalidError) {
        const code = err.isTooLarge ? FailureCode.InputTooLarge : FailureCode.InvalidInput
        throw new JobFailedError(code, err.message, { cause: err })
      }
      if (err instanceof ContentUnavailableError) throw new TransientError(err.message, { cause: err })
      throw err
    }
  }
}

/** Stores outputs here for good, and copies them to other nodes before it tells where they are. */
export function ipfsOutput(content: Pick<Content, 'add'>, copies: Pick<Copies, 'spread'>): StoreFile {
  return async ({ bytes }, signal) => {
    const cid = await content.add([bytes], { pin: true })
    await copies.spread(cid, signal)
    return `${scheme}${cid}`
  }
}
