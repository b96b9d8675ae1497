import { getAddress } from 'ethers'
import { ClientError, GraphQLClient, gql } from 'graphql-request'
import { z } from 'zod'
import { failureName, SubgraphUnavailableError } from '../../src/interface/index.js'
import { peerIdOf } from '../../src/network/identity.js'

/** A job as the subgraph tells it to people. */
export interface JobView {
  id: bigint
  status: 'open' | 'succeeded' | 'failed'
  /** ModelCategory. */
  category: number
  model: string
  client: string
  /** DataLocation: whether the output is on chain, or its location is. */
  outputLocation: number
  /** OutputFormat */
  outputFormat: number
  createdAtMs: number
  deadlineMs: number
  /** What the client paid, in wei: the Oracle's price and the model's. */
  payment: bigint
  /** Block and transaction of the request. */
  blockNumber: number
  requestTxHash: string
  result: ResultView | undefined
}

export interface ResultView {
  /** Peer id; undefined where the job was reclaimed, or the account never named a key. */
  worker: string | undefined
  account: string | undefined
  /** ABI-encoded output of the task, or `abi.encode(string location)` of where it lies; `0x` on failure. */
  output: string
  failure: { code: number; name: string; reason: string } | undefined
  callbackSucceeded: boolean | undefined
  /** What the callback returned or reverted with, as far as the event keeps it. */
  callbackReturnData?: string | undefined
  txHash: string
  blockNumber: number
}

export interface JobQueries {
  /** Undefined until the subgraph has the job. */
  job(id: bigint): Promise<JobView | undefined>
  /** Newest first, in as many pages as it takes. `before`: only jobs with a lower id. */
  jobs(options: { limit: number; before?: bigint; status?: JobView['status'] }): Promise<JobView[]>
}

/** What graph-node gives at once. */
const pageSize = 1_000
/** An endpoint that has not answered by then is down. */
const timeoutMs = 10_000

const jobFields = gql`
  fragment JobFields on Job {
    jobId
    status
    category
    model { id }
    callbackAddress
    outputLocation
    outputFormat
    createdTimestamp
    deadline
    payment
    blockNumber
    txHash
    result {
      worker { id peerKey }
      success
      output
      failureCode
      failureReason
      callbackSuccess
      callbackReturnData
      txHash
      blockNumber
    }
  }
`
const jobQuery = gql`
  query Job($id: ID!) {
    job(id: $id) { ...JobFields }
  }
  ${jobFields}
`
const jobsQuery = gql`
  query Jobs($first: Int!, $where: Job_filter!) {
    jobs(first: $first, where: $where, orderBy: id, orderDirection: desc) { ...JobFields }
  }
  ${jobFields}
`

const number = z.coerce.number().int()
const addressText = z.string().regex(/^0x[0-9a-f]{40}$/)
const jobSchema = z.object({
  jobId: z.coerce.bigint(),
  status: z.enum(['Open', 'Succeeded', 'Failed']),
  category: number,
  model: z.object({ id: addressText }),
  callbackAddress: addressText,
  outputLocation: number,
  outputFormat: number,
  createdTimestamp: number,
  deadline: number,
  payment: z.coerce.bigint(),
  blockNumber: number,
  txHash: z.string(),
  result: z
    .object({
      worker: z.object({ id: addressText, peerKey: z.string() }).nullable(),
      success: z.boolean(),
      output: z.string(),
      failureCode: number,
      failureReason: z.string(),
      callbackSuccess: z.boolean().nullable(),
      callbackReturnData: z.string().nullish(),
      txHash: z.string(),
      blockNumber: number
    })
    .nullable()
})

/** Reads jobs from a subgraph for the command line. All throw SubgraphUnavailableError. */
export function createJobQueries(url: string): JobQueries {
  const client = new GraphQLClient(url, {
    fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(timeoutMs) })
  })

  async function request<T>(schema: z.ZodType<T>, query: string, variables: object): Promise<T> {
    try {
      return schema.parse(await client.request(query, variables))
    } catch (err) {
      throw new SubgraphUnavailableError(
        `The subgraph ${new URL(url).origin} cannot be used (${reasonOf(err)}): check that it is up, or choose another with --subgraph-url`,
        { cause: err }
      )
    }
  }

  return {
    async job(id) {
      const answer = await request(z.object({ job: jobSchema.nullable() }), jobQuery, { id: entityId(id) })
      return answer.job === null ? undefined : view(answer.job)
    },
    async jobs({ limit, before, status }) {
      const found: JobView[] = []
      let below = before
      while (found.length < limit) {
        const first = Math.min(pageSize, limit - found.length)
        const where = {
          ...(below === undefined ? {} : { id_lt: entityId(below) }),
          ...(status === undefined ? {} : { status: status[0]?.toUpperCase() + status.slice(1) })
        }
        const page = await request(z.object({ jobs: z.array(jobSchema) }), jobsQuery, { first, where })
        found.push(...page.jobs.map(view))
        below = found.at(-1)?.id
        if (page.jobs.length < first) {
          break
        }
      }
      return found
    }
  }
}

/** graphql-request puts the whole exchange into its message, fetch hides the reason in the cause. */
function reasonOf(err: unknown): string {
  if (err instanceof ClientError) {
    return (
      err.response.errors?.map(({ message }) => message).join('; ') ?? `HTTP status ${err.response.status}`
    )
  }
  if (err instanceof z.ZodError) {
    return `it answers with what is no Buffalo subgraph's: ${err.issues[0]?.path.join('.')} ${err.issues[0]?.message}`
  }
  const cause = err instanceof Error ? (err.cause ?? err) : err
  return cause instanceof Error ? ('code' in cause ? String(cause.code) : cause.message) : String(cause)
}

/** A job's id in the subgraph: 32 bytes, big endian. */
function entityId(id: bigint): string {
  return `0x${id.toString(16).padStart(64, '0')}`
}

function view(job: z.infer<typeof jobSchema>): JobView {
  const { result } = job
  return {
    id: job.jobId,
    status: job.status === 'Open' ? 'open' : job.status === 'Succeeded' ? 'succeeded' : 'failed',
    category: job.category,
    model: getAddress(job.model.id),
    client: getAddress(job.callbackAddress),
    outputLocation: job.outputLocation,
    outputFormat: job.outputFormat,
    createdAtMs: job.createdTimestamp * 1_000,
    deadlineMs: job.deadline * 1_000,
    payment: job.payment,
    blockNumber: job.blockNumber,
    requestTxHash: job.txHash,
    result:
      result === null
        ? undefined
        : {
            worker: peerId(result.worker?.peerKey),
            account: result.worker === null ? undefined : getAddress(result.worker.id),
            output: result.output,
            failure: result.success
              ? undefined
              : {
                  code: result.failureCode,
                  name: failureName(result.failureCode),
                  reason: result.failureReason
                },
            callbackSucceeded: result.callbackSuccess ?? undefined,
            callbackReturnData: result.callbackReturnData ?? undefined,
            txHash: result.txHash,
            blockNumber: result.blockNumber
          }
  }
}

function peerId(peerKey: string | undefined): string | undefined {
  // An account that unregistered names no key, or the zero key.
  return peerKey === undefined || !/^0x[0-9a-f]{64}$/.test(peerKey) || /^0x0+$/.test(peerKey)
    ? undefined
    : peerIdOf(peerKey.slice(2)).toString()
}
