import { Interface } from 'ethers'
import { oracleAbi } from './abi/oracle.js'
import { workerRegistryAbi } from './abi/worker-registry.js'

/** ethers' codecs of the contracts, over the generated ABIs. */
export const oracleInterface = new Interface(oracleAbi)
export const registryInterface = new Interface(workerRegistryAbi)

function topicOf(name: string): string {
  const event = oracleInterface.getEvent(name)
  if (event === null) throw new Error(`the Oracle's ABI has no event ${name}: run npm run build:contracts`)
  return event.topicHash
}

export const jobCreatedTopic = topicOf('JobCreated')
export const jobSucceededTopic = topicOf('JobSucceeded')
export const jobFailedTopic = topicOf('JobFailed')
export const submissionRefusedTopic = topicOf('SubmissionRefused')
