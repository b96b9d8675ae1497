import type { Codec, DecodeOptions } from 'protons-runtime'
import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'

export interface SyncRequest {
  kind: number
  buckets: Uint8Array
  known: Uint8Array
  page: number
}

export namespace SyncRequest {
  let _codec: Codec<SyncRequest>

  export const codec = (): Codec<SyncRequest> => {
    if (_codec == null) {
      _codec = message<SyncRequest>(
        (obj, w, opts = {}) => {
          if (opts.lengthDelimited !== false) {
            w.fork()
          }

          if (obj.kind != null && obj.kind !== 0) {
            w.uint32(8)
            w.uint32(obj.kind)
          }

          if (obj.buckets != null && obj.buckets.byteLength > 0) {
            w.uint32(18)
            w.bytes(obj.buckets)
          }

          if (obj.known != null && obj.known.byteLength > 0) {
            w.uint32(26)
            w.bytes(obj.known)
          }

          if (obj.page != null && obj.page !== 0) {
            w.uint32(32)
            w.uint32(obj.page)
          }

          if (opts.lengthDelimited !== false) {
            w.ldelim()
          }
        },
        (reader, length, opts = {}) => {
          const obj: any = {
            kind: 0,
            buckets: uint8ArrayAlloc(0),
            known: uint8ArrayAlloc(0),
            page: 0
          }

          const end = length == null ? reader.len : reader.pos + length

          while (reader.pos < end) {
            const tag = reader.uint32()

            switch (tag >>> 3) {
              case 1: {
                obj.kind = reader.uint32()
                break
              }
              case 2: {
                obj.buckets = reader.bytes()
                break
              }
              case 3: {
                obj.known = reader.bytes()
                break
              }
              case 4: {
                obj.page = reader.uint32()
                break
              }
              default: {
                reader.skipType(tag & 7)
                break
              }
            }
          }

          return obj
        },
        function* (reader, length, prefix, opts = {}) {
          const end = length == null ? reader.len : reader.pos + length

          while (reader.pos < end) {
            const tag = reader.uint32()

            switch (tag >>> 3) {
              case 1: {
                yield {
                  field: `${prefix}.kind`,
                  value: reader.uint32()
                }
                break
              }
              case 2: {
                yield {
                  field: `${prefix}.buckets`,
                  value: reader.bytes()
                }
                break
              }
              case 3: {
                yield {
                  field: `${prefix}.known`,
                  value: reader.bytes()
                }
                break
              }
              case 4: {
                yield {
                  field: `${prefix}.page`,
                  value: reader.uint32()
                }
                break
              }
              default: {
                reader.skipType(tag & 7)
                break
              }
            }
          }
        }
      )
    }

    return _codec
  }

  export interface SyncRequestKindFieldEvent {
    field: '$.kind'
    value: number
  }

  export interface SyncRequestBucketsFieldEvent {
    field: '$.buckets'
    value: Uint8Array
  }

  export interface SyncRequestKnownFieldEvent {
    field: '$.known'
    value: Uint8Array
  }

  export interface SyncRequestPageFieldEvent {
    field: '$.page'
    value: number
  }

  export function encode(obj: Partial<SyncRequest>): Uint8Array {
    return encodeMessage(obj, SyncRequest.codec())
  }

  export function decode(buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncRequest>): SyncRequest {
    return decodeMessage(buf, SyncRequest.codec(), opts)
  }

  export function stream(
    buf: Uint8Array | Uint8ArrayList,
    opts?: DecodeOptions<SyncRequest>
  ): Generator<
    | SyncRequestKindFieldEvent
    | SyncRequestBucketsFieldEvent
    | SyncRequestKnownFieldEvent
    | SyncRequestPageFieldEvent
  > {
    return streamMessage(buf, SyncRequest.codec(), opts)
  }
}

export interface SyncResponse {
  count: number
  digest: Uint8Array
  buckets: Uint8Array
  jobs: Uint8Array[]
  done: number
  closed: Uint8Array
  envelopes: Uint8Array[]
  more: boolean
  proofs: SyncProof[]
  keepsNone: boolean
}

export namespace SyncResponse {
  let _codec: Codec<SyncResponse>

  export const codec = (): Codec<SyncResponse> => {
    if (_codec == null) {
      _codec = message<SyncResponse>(
        (obj, w, opts = {}) => {
          if (opts.lengthDelimited !== false) {
            w.fork()
          }

          if (obj.count != null && obj.count !== 0) {
            w.uint32(8)
            w.uint32(obj.count)
          }

          if (obj.digest != null && obj.digest.byteLength > 0) {
            w.uint32(18)
            w.bytes(obj.digest)
          }

          if (obj.buckets != null && obj.buckets.byteLength > 0) {
            w.uint32(26)
            w.bytes(obj.buckets)
          }

          if (obj.jobs != null && obj.jobs.length > 0) {
            for (const value of obj.jobs) {
              w.uint32(34)
              w.bytes(value)
            }
          }

          if (obj.done != null && obj.done !== 0) {
            w.uint32(40)
            w.uint32(obj.done)
          }

          if (obj.closed != null && obj.closed.byteLength > 0) {
            w.uint32(50)
            w.bytes(obj.closed)
          }

          if (obj.envelopes != null && obj.envelopes.length > 0) {
            for (const value of obj.envelopes) {
              w.uint32(58)
              w.bytes(value)
            }
          }

          if (obj.more != null && obj.more !== false) {
            w.uint32(64)
            w.bool(obj.more)
          }

          if (obj.proofs != null && obj.proofs.length > 0) {
            for (const value of obj.proofs) {
              w.uint32(74)
              SyncProof.codec().encode(value, w)
            }
          }

          if (obj.keepsNone != null && obj.keepsNone !== false) {
            w.uint32(80)
            w.bool(obj.keepsNone)
          }

          if (opts.lengthDelimited !== false) {
            w.ldelim()
          }
        },
        (reader, length, opts = {}) => {
          const obj: any = {
            count: 0,
            digest: uint8ArrayAlloc(0),
            buckets: uint8ArrayAlloc(0),
            jobs: [],
            done: 0,
            closed: uint8ArrayAlloc(0),
            envelopes: [],
            more: false,
            proofs: [],
            keepsNone: false
          }

          const end = length == null ? reader.len : reader.pos + length

          while (reader.pos < end) {
            const tag = reader.uint32()

            switch (tag >>> 3) {
              case 1: {
                obj.count = reader.uint32()
                break
              }
              case 2: {
                obj.digest = reader.bytes()
                break
              }
              case 3: {
                obj.buckets = reader.bytes()
                break
              }
              case 4: {
                if (opts.limits?.jobs != null && obj.jobs.length === opts.limits.jobs) {
                  throw new MaxLengthError('Decode error - repeated field "jobs" had too many elements')
                }

                if (obj.jobs.length === 16) {
                  throw new MaxLengthError('Decode error - repeated field "jobs" had too many elements')
                }

                obj.jobs.push(reader.bytes())
                break
              }
              case 5: {
                obj.done = reader.uint32()
                break
              }
              case 6: {
                obj.closed = reader.bytes()
                break
              }
              case 7: {
                if (opts.limits?.envelopes != null && obj.envelopes.length === opts.limits.envelopes) {
                  throw new MaxLengthError('Decode error - repeated field "envelopes" had too many elements')
                }

                if (obj.envelopes.length === 1024) {
                  throw new MaxLengthError('Decode error - repeated field "envelopes" had too many elements')
                }

                obj.envelopes.push(reader.bytes())
                break
              }
              case 8: {
                obj.more = reader.bool()
                break
              }
              case 9: {
                if (opts.limits?.proofs != null && obj.proofs.length === opts.limits.proofs) {
                  throw new MaxLengthError('Decode error - repeated field "proofs" had too many elements')
                }

                if (obj.proofs.length === 32) {
                  throw new MaxLengthError('Decode error - repeated field "proofs" had too many elements')
                }

                obj.proofs.push(
                  SyncProof.codec().decode(reader, reader.uint32(), {
                    limits: opts.limits?.proofs$
                  })
                )
                break
              }
              case 10: {
                obj.keepsNone = reader.bool()
                break
              }
              default: {
                reader.skipType(tag & 7)
                break
              }
            }
          }

          return obj
        },
        function* (reader, length, prefix, opts = {}) {
          const obj = {
            jobs: 16,
            envelopes: 1024,
            proofs: 32
          }

          const end = length == null ? reader.len : reader.pos + length

          while (reader.pos < end) {
            const tag = reader.uint32()

            switch (tag >>> 3) {
              case 1: {
                yield {
                  field: `${prefix}.count`,
                  value: reader.uint32()
                }
                break
              }
              case 2: {
                yield {
                  field: `${prefix}.digest`,
                  value: reader.bytes()
                }
                break
              }
              case 3: {
                yield {
                  field: `${prefix}.buckets`,
                  value: reader.bytes()
                }
                break
              }
              case 4: {
                if (opts.limits?.jobs != null && obj.jobs === opts.limits.jobs) {
                  throw new MaxLengthError(
                    'Streaming decode error - repeated field "jobs" had too many elements'
                  )
                }

                if (obj.jobs === 16) {
                  throw new MaxLengthError(
                    'Streaming decode error - repeated field "jobs" had too many elements'
                  )
                }

                yield {
                  field: `${prefix}.jobs[]`,
                  index: obj.jobs,
                  value: reader.bytes()
                }

                obj.jobs++

                break
              }
              case 5: {
                yield {
                  field: `${prefix}.done`,
                  value: reader.uint32()
                }
                break
              }
              case 6: {
                yield {
                  field: `${prefix}.closed`,
                  value: reader.bytes()
                }
                break
              }
              case 7: {
                if (opts.limits?.envelopes != null && obj.envelopes === opts.limits.envelopes) {
                  throw new MaxLengthError(
                    'Streaming decode error - repeated field "envelopes" had too many elements'
                  )
                }

                if (obj.envelopes === 1024) {
                  throw new MaxLengthError(
                    'Streaming decode error - repeated field "envelopes" had too many elements'
                  )
                }

                yield {
                  field: `${prefix}.envelopes[]`,
                  index: obj.envelopes,
                  value: reader.bytes()
                }

                obj.envelopes++

                break
              }
              case 8: {
                yield {
                  field: `${prefix}.more`,
                  value: reader.bool()
                }
                break
              }
              case 9: {
                if (opts.limits?.proofs != null && obj.proofs === opts.limits.proofs) {
                  throw new MaxLengthError(
                    'Streaming decode error - repeated field "proofs" had too many elements'
                  )
                }

                if (obj.proofs === 32) {
                  throw new MaxLengthError(
                    'Streaming decode error - repeated field "proofs" had too many elements'
                  )
                }

                for (const evt of SyncProof.codec().stream(reader, reader.uint32(), `${prefix}.proofs[]`, {
                  limits: opts.limits?.proofs$
                })) {
                  yield {
                    ...evt,
                    index: obj.proofs
                  }
                }

                obj.proofs++

                break
              }
              case 10: {
                yield {
                  field: `${prefix}.keepsNone`,
                  value: reader.bool()
                }
                break
              }
              default: {
                reader.skipType(tag & 7)
                break
              }
            }
          }
        }
      )
    }

    return _codec
  }

  export interface SyncResponseCountFieldEvent {
    field: '$.count'
    value: number
  }

  export interface SyncResponseDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array
  }

  export interface SyncResponseBucketsFieldEvent {
    field: '$.buckets'
    value: Uint8Array
  }

  export interface SyncResponseJobsFieldEvent {
    field: '$.jobs[]'
    index: number
    value: Uint8Array
  }

  export interface SyncResponseDoneFieldEvent {
    field: '$.done'
    value: number
  }

  export interface SyncResponseClosedFieldEvent {
    field: '$.closed'
    value: Uint8Array
  }

  export interface SyncResponseEnvelopesFieldEvent {
    field: '$.envelopes[]'
    index: number
    value: Uint8Array
  }

  export interface SyncResponseMoreFieldEvent {
    field: '$.more'
    value: boolean
  }

  export interface SyncResponseProofsJobFieldEvent {
    field: '$.proofs[].job'
    value: Uint8Array
    index: number
  }

  export interface SyncResponseProofsFirstFieldEvent {
    field: '$.proofs[].first'
    value: Uint8Array
    index: number
  }

  export interface SyncResponseProofsSecondFieldEvent {
    field: '$.proofs[].second'
    value: Uint8Array
    index: number
  }

  export interface SyncResponseKeepsNoneFieldEvent {
    field: '$.keepsNone'
    value: boolean
  }

  export function encode(obj: Partial<SyncResponse>): Uint8Array {
    return encodeMessage(obj, SyncResponse.codec())
  }

  export function decode(buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncResponse>): SyncResponse {
    return decodeMessage(buf, SyncResponse.codec(), opts)
  }

  export function stream(
    buf: Uint8Array | Uint8ArrayList,
    opts?: DecodeOptions<SyncResponse>
  ): Generator<
    | SyncResponseCountFieldEvent
    | SyncResponseDigestFieldEvent
    | SyncResponseBucketsFieldEvent
    | SyncResponseJobsFieldEvent
    | SyncResponseDoneFieldEvent
    | SyncResponseClosedFieldEvent
    | SyncResponseEnvelopesFieldEvent
    | SyncResponseMoreFieldEvent
    | SyncResponseProofsJobFieldEvent
    | SyncResponseProofsFirstFieldEvent
    | SyncResponseProofsSecondFieldEvent
    | SyncResponseKeepsNoneFieldEvent
  > {
    return streamMessage(buf, SyncResponse.codec(), opts)
  }
}

export interface SyncProof {
  job: Uint8Array
  first: Uint8Array
  second: Uint8Array
}

export namespace SyncProof {
  let _codec: Codec<SyncProof>

  export const codec = (): Codec<SyncProof> => {
    if (_codec == null) {
      _codec = message<SyncProof>(
        (obj, w, opts = {}) => {
          if (opts.lengthDelimited !== false) {
            w.fork()
          }

          if (obj.job != null && obj.job.byteLength > 0) {
            w.uint32(10)
            w.bytes(obj.job)
          }

          if (obj.first != null && obj.first.byteLength > 0) {
            w.uint32(18)
            w.bytes(obj.first)
          }

          if (obj.second != null && obj.second.byteLength > 0) {
            w.uint32(26)
            w.bytes(obj.second)
          }

          if (opts.lengthDelimited !== false) {
            w.ldelim()
          }
        },
        (reader, length, opts = {}) => {
          const obj: any = {
            job: uint8ArrayAlloc(0),
            first: uint8ArrayAlloc(0),
            second: uint8ArrayAlloc(0)
          }

          const end = length == null ? reader.len : reader.pos + length

          while (reader.pos < end) {
            const tag = reader.uint32()

            switch (tag >>> 3) {
              case 1: {
                obj.job = reader.bytes()
                break
              }
              case 2: {
                obj.first = reader.bytes()
                break
              }
              case 3: {
                obj.second = reader.bytes()
                break
              }
              default: {
                reader.skipType(tag & 7)
                break
              }
            }
          }

          return obj
        },
        function* (reader, length, prefix, opts = {}) {
          const end = length == null ? reader.len : reader.pos + length

          while (reader.pos < end) {
            const tag = reader.uint32()

            switch (tag >>> 3) {
              case 1: {
                yield {
                  field: `${prefix}.job`,
                  value: reader.bytes()
                }
                break
              }
              case 2: {
                yield {
                  field: `${prefix}.first`,
                  value: reader.bytes()
                }
                break
              }
              case 3: {
                yield {
                  field: `${prefix}.second`,
                  value: reader.bytes()
                }
                break
              }
              default: {
                reader.skipType(tag & 7)
                break
              }
            }
          }
        }
      )
    }

    return _codec
  }

  export interface SyncProofJobFieldEvent {
    field: '$.job'
    value: Uint8Array
  }

  export interface SyncProofFirstFieldEvent {
    field: '$.first'
    value: Uint8Array
  }

  export interface SyncProofSecondFieldEvent {
    field: '$.second'
    value: Uint8Array
  }

  export function encode(obj: Partial<SyncProof>): Uint8Array {
    return encodeMessage(obj, SyncProof.codec())
  }

  export function decode(buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncProof>): SyncProof {
    return decodeMessage(buf, SyncProof.codec(), opts)
  }

  export function stream(
    buf: Uint8Array | Uint8ArrayList,
    opts?: DecodeOptions<SyncProof>
  ): Generator<SyncProofJobFieldEvent | SyncProofFirstFieldEvent | SyncProofSecondFieldEvent> {
    return streamMessage(buf, SyncProof.codec(), opts)
  }
}
