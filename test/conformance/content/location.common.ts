import { AbiCoder } from 'ethers'
import { expect, it } from 'vitest'
import {
  DataLocation,
  type ExecutionRequest,
  FailureCode,
  type Hex,
  type Job,
  type JobContent,
  OutputFormat
} from '../../../src/interface/index.js'

/** One kind of place, with something behind it. */
export interface InputLocation {
  location: number
  resolver: Pick<JobContent, 'resolveInput'>
  /** Leaves text there. @returns the job's input, and what is to be read of it */
  put(text: string): Promise<{ input: Hex; expected: string }>
  /** An input that names what is not there; undefined where there is no such thing. */
  missing?: Hex
  /** An input that is no name of this place at all. */
  malformed?: Hex
  /** Text of more bytes than are taken, where there is a limit. */
  tooLarge?: string
}

export interface OutputLocation {
  location: number
  store: Pick<JobContent, 'storeOutput'>
  /** What lies at a location that `store` gave. */
  read(location: string): Promise<Uint8Array>
  scheme: string
}

export const encoded = (location: string): Hex =>
  AbiCoder.defaultAbiCoder().encode(['string'], [location]) as Hex

const now = Date.now()
export const blockHash: Hex = `0x${'ab'.repeat(32)}`

export function job(changes: Partial<Job>): Job {
  return {
    key: 'a'.repeat(64),
    jobId: 7n,
    blockNumber: 1,
    blockHash,
    txHash: `0x${'01'.repeat(32)}`,
    logIndex: 0,
    dataHash: '0x',
    model: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
    client: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
    category: 0,
    seed: '0x',
    manifestLocation: 'ipfs://bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4',
    inputLocation: DataLocation.OnChain,
    input: '0x',
    outputLocation: DataLocation.OnChain,
    outputFormat: OutputFormat.Raw,
    createdAtMs: now,
    deadlineMs: now + 3_600_000,
    redundancy: 1,
    requestHash: '0x',
    ...changes
  }
}

const noSignal = new AbortController().signal
const text = ({ bytes }: ExecutionRequest['input']): string => Buffer.from(bytes).toString()

export function inputSuite(name: string, open: () => Promise<InputLocation>): void {
  const resolve = async (changes: Partial<Job>, signal = noSignal): Promise<ExecutionRequest['input']> => {
    const { location, resolver } = await open()
    return resolver.resolveInput(job({ inputLocation: location, ...changes }), signal)
  }

  it(`behavior: ${name}: an input is read as it was left`, async () => {
    const { location, put } = await open()
    for (const left of ['hello', '', 'ünïcode 🐃']) {
      const { input, expected } = await put(left)
      const found = await resolve({ input })
      expect(text(found)).toBe(expected)
      expect(found.encoding).toBe(location === DataLocation.OnChain ? 'abi' : 'content')
    }
  })

  it(`behavior: ${name}: what is not there is left to others while the job is young, then fails it`, async () => {
    const { missing: input, location } = await open()
    if (input === undefined) return
    const old = resolve({ input, createdAtMs: now - 3_600_000, deadlineMs: now + 60_000 })
    await expect(old).rejects.toMatchObject({ failureCode: FailureCode.InputUnavailable })
    const code =
      location === DataLocation.HTTPS ? 'BUFFALO_ERR_JOB_FAILED' : 'BUFFALO_ERR_CONTENT_UNAVAILABLE'
    await expect(resolve({ input })).rejects.toMatchObject({ code })
  })

  it(`behavior: ${name}: what is no location of its kind fails the job`, async () => {
    const { malformed } = await open()
    for (const input of malformed === undefined
      ? []
      : [malformed, '0x1234' as const, encoded('x'.repeat(5_000))]) {
      await expect(resolve({ input })).rejects.toMatchObject({ failureCode: FailureCode.InvalidInput })
    }
  })

  it(`behavior: ${name}: what is too large fails the job`, async () => {
    const { tooLarge, put } = await open()
    if (tooLarge === undefined) return
    const { input } = await put(tooLarge)
    await expect(resolve({ input })).rejects.toMatchObject({ failureCode: FailureCode.InputTooLarge })
  })

  it(`behavior: ${name}: an aborted read ends with the signal's reason`, async () => {
    const { put } = await open()
    const { input } = await put('hello')
    await expect(resolve({ input }, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
}

const picture = { bytes: new Uint8Array(5_000).map((_, at) => at % 251), mediaType: 'image/png' }

export function outputSuite(name: string, open: () => Promise<OutputLocation>): void {
  it(`behavior: ${name}: an output is stored as it is, and its location leads to it`, async () => {
    const { location, store, read, scheme } = await open()
    const found = await store.storeOutput(job({ outputLocation: location }), picture, noSignal)
    expect(found.startsWith(scheme)).toBe(true)
    expect(Buffer.compare(await read(found), picture.bytes)).toBe(0)
  })

  it(`behavior: ${name}: metadata of a token is JSON that leads to the picture`, async () => {
    const { location, store, read, scheme } = await open()
    const wanted = job({ outputLocation: location, outputFormat: OutputFormat.NFTMeta })
    const found = await store.storeOutput(wanted, picture, noSignal)
    const metadata = JSON.parse(Buffer.from(await read(found)).toString()) as Record<string, string>
    expect(Object.keys(metadata)).toEqual(['name', 'description', 'external_url', 'image'])
    expect(metadata.image?.startsWith(scheme)).toBe(true)
    expect(Buffer.compare(await read(metadata.image ?? ''), picture.bytes)).toBe(0)
  })

  it(`behavior: ${name}: an aborted store ends with the signal's reason`, async () => {
    const { location, store } = await open()
    const aborted = AbortSignal.abort(new Error('enough'))
    const wanted = job({ outputLocation: location })
    await expect(store.storeOutput(wanted, picture, aborted)).rejects.toThrow('enough')
  })
}
