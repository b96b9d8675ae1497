import type { Job, OutputContent } from '../../interface/index.js'

/**
 * ERC-721 metadata of an output that lies at `image`. The same bytes from every worker, so that all of them give one CID.
 */
export function tokenMetadata(
  job: Pick<Job, 'jobId' | 'manifestLocation' | 'model'>,
  image: string
): OutputContent {
  const metadata = {
    name: `Buffalo #${job.jobId}`,
    description: `Made by the model ${job.manifestLocation} of the contract ${job.model}, for job ${job.jobId}.`,
    external_url: job.manifestLocation,
    image
  }
  return { bytes: new TextEncoder().encode(JSON.stringify(metadata)), mediaType: 'application/json' }
}
