import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface JobAnnouncements {
  sentAtMs: number
  jobs: JobAnnouncement[]
}

export namespace JobAnnouncements {
  let _codec: Codec<JobAnnouncements>

  export const codec = (): Codec<JobAnnouncements> => {
    if (_codec == null) {
      _codec = message<JobAnnouncements>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.sentAtMs != null && obj.sentAtMs !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.sentAtMs)
        }

        if (obj.jobs != null && obj.jobs.length > 0) {
          for (const value of obj.jobs) {
            w.uint32(18)
            JobAnnouncement.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          sentAtMs: 0,
          jobs: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.sentAtMs = reader.uint64Number()
              break
            }
            case 2: {
              if (opts.limits?.jobs != null && obj.jobs.length === opts.limits.jobs) {
                throw new MaxLengthError('Decode error - repeated field "jobs" had too many elements')
              }

              if (obj.jobs.length === 256) {
                throw new MaxLengthError('Decode error - repeated field "jobs" had too many elements')
              }

              obj.jobs.push(JobAnnouncement.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.jobs$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          jobs: 256
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.sentAtMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              if (opts.limits?.jobs != null && obj.jobs === opts.limits.jobs) {
                throw new MaxLengthError('Streaming decode error - repeated field "jobs" had too many elements')
              }

              if (obj.jobs === 256) {
                throw new MaxLengthError('Streaming decode error - repeated field "jobs" had too many elements')
              }

              for (const evt of JobAnnouncement.codec().stream(reader, reader.uint32(), `${prefix}.jobs[]`, {
                limits: opts.limits?.jobs$
              })) {
                yield {
                  ...evt,
                  index: obj.jobs
                }
              }

              obj.jobs++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface JobAnnouncementsSentAtMsFieldEvent {
    field: '$.sentAtMs'
    value: number
  }

  export interface JobAnnouncementsJobsJobIdFieldEvent {
    field: '$.jobs[].jobId'
    value: bigint
    index: number
  }

  export interface JobAnnouncementsJobsBlockNumberFieldEvent {
    field: '$.jobs[].blockNumber'
    value: number
    index: number
  }

  export interface JobAnnouncementsJobsLogIndexFieldEvent {
    field: '$.jobs[].logIndex'
    value: number
    index: number
  }

  export interface JobAnnouncementsJobsBlockHashFieldEvent {
    field: '$.jobs[].blockHash'
    value: Uint8Array
    index: number
  }

  export interface JobAnnouncementsJobsTxHashFieldEvent {
    field: '$.jobs[].txHash'
    value: Uint8Array
    index: number
  }

  export interface JobAnnouncementsJobsDataHashFieldEvent {
    field: '$.jobs[].dataHash'
    value: Uint8Array
    index: number
  }

  export function encode (obj: Partial<JobAnnouncements>): Uint8Array {
    return encodeMessage(obj, JobAnnouncements.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JobAnnouncements>): JobAnnouncements {
    return decodeMessage(buf, JobAnnouncements.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JobAnnouncements>): Generator<JobAnnouncementsSentAtMsFieldEvent | JobAnnouncementsJobsJobIdFieldEvent | JobAnnouncementsJobsBlockNumberFieldEvent | JobAnnouncementsJobsLogIndexFieldEvent | JobAnnouncementsJobsBlockHashFieldEvent | JobAnnouncementsJobsTxHashFieldEvent | JobAnnouncementsJobsDataHashFieldEvent> {
    return streamMessage(buf, JobAnnouncements.codec(), opts)
  }
}

export interface JobAnnouncement {
  jobId: bigint
  blockNumber: number
  logIndex: number
  blockHash: Uint8Array
  txHash: Uint8Array
  dataHash: Uint8Array
}

export namespace JobAnnouncement {
  let _codec: Codec<JobAnnouncement>

  export const codec = (): Codec<JobAnnouncement> => {
    if (_codec == null) {
      _codec = message<JobAnnouncement>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.jobId != null && obj.jobId !== 0n)) {
          w.uint32(8)
          w.uint64(obj.jobId)
        }

        if ((obj.blockNumber != null && obj.blockNumber !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.blockNumber)
        }

        if ((obj.logIndex != null && obj.logIndex !== 0)) {
          w.uint32(24)
          w.uint32(obj.logIndex)
        }

        if ((obj.blockHash != null && obj.blockHash.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.blockHash)
        }

        if ((obj.txHash != null && obj.txHash.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.txHash)
        }

        if ((obj.dataHash != null && obj.dataHash.byteLength > 0)) {
          w.uint32(50)
          w.bytes(obj.dataHash)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          jobId: 0n,
          blockNumber: 0,
          logIndex: 0,
          blockHash: uint8ArrayAlloc(0),
          txHash: uint8ArrayAlloc(0),
          dataHash: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.jobId = reader.uint64()
              break
            }
            case 2: {
              obj.blockNumber = reader.uint64Number()
              break
            }
            case 3: {
              obj.logIndex = reader.uint32()
              break
            }
            case 4: {
              obj.blockHash = reader.bytes()
              break
            }
            case 5: {
              obj.txHash = reader.bytes()
              break
            }
            case 6: {
              obj.dataHash = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.jobId`,
                value: reader.uint64()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.blockNumber`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.logIndex`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.blockHash`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.txHash`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.dataHash`,
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
      })
    }

    return _codec
  }

  export interface JobAnnouncementJobIdFieldEvent {
    field: '$.jobId'
    value: bigint
  }

  export interface JobAnnouncementBlockNumberFieldEvent {
    field: '$.blockNumber'
    value: number
  }

  export interface JobAnnouncementLogIndexFieldEvent {
    field: '$.logIndex'
    value: number
  }

  export interface JobAnnouncementBlockHashFieldEvent {
    field: '$.blockHash'
    value: Uint8Array
  }

  export interface JobAnnouncementTxHashFieldEvent {
    field: '$.txHash'
    value: Uint8Array
  }

  export interface JobAnnouncementDataHashFieldEvent {
    field: '$.dataHash'
    value: Uint8Array
  }

  export function encode (obj: Partial<JobAnnouncement>): Uint8Array {
    return encodeMessage(obj, JobAnnouncement.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JobAnnouncement>): JobAnnouncement {
    return decodeMessage(buf, JobAnnouncement.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JobAnnouncement>): Generator<JobAnnouncementJobIdFieldEvent | JobAnnouncementBlockNumberFieldEvent | JobAnnouncementLogIndexFieldEvent | JobAnnouncementBlockHashFieldEvent | JobAnnouncementTxHashFieldEvent | JobAnnouncementDataHashFieldEvent> {
    return streamMessage(buf, JobAnnouncement.codec(), opts)
  }
}

export interface Leases {
  sentAtMs: number
  leases: LeaseRecord[]
  proofs: EquivocationRecord[]
}

export namespace Leases {
  let _codec: Codec<Leases>

  export const codec = (): Codec<Leases> => {
    if (_codec == null) {
      _codec = message<Leases>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.sentAtMs != null && obj.sentAtMs !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.sentAtMs)
        }

        if (obj.leases != null && obj.leases.length > 0) {
          for (const value of obj.leases) {
            w.uint32(18)
            LeaseRecord.codec().encode(value, w)
          }
        }

        if (obj.proofs != null && obj.proofs.length > 0) {
          for (const value of obj.proofs) {
            w.uint32(26)
            EquivocationRecord.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          sentAtMs: 0,
          leases: [],
          proofs: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.sentAtMs = reader.uint64Number()
              break
            }
            case 2: {
              if (opts.limits?.leases != null && obj.leases.length === opts.limits.leases) {
                throw new MaxLengthError('Decode error - repeated field "leases" had too many elements')
              }

              if (obj.leases.length === 256) {
                throw new MaxLengthError('Decode error - repeated field "leases" had too many elements')
              }

              obj.leases.push(LeaseRecord.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.leases$
              }))
              break
            }
            case 3: {
              if (opts.limits?.proofs != null && obj.proofs.length === opts.limits.proofs) {
                throw new MaxLengthError('Decode error - repeated field "proofs" had too many elements')
              }

              if (obj.proofs.length === 4) {
                throw new MaxLengthError('Decode error - repeated field "proofs" had too many elements')
              }

              obj.proofs.push(EquivocationRecord.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.proofs$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          leases: 256,
          proofs: 4
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.sentAtMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              if (opts.limits?.leases != null && obj.leases === opts.limits.leases) {
                throw new MaxLengthError('Streaming decode error - repeated field "leases" had too many elements')
              }

              if (obj.leases === 256) {
                throw new MaxLengthError('Streaming decode error - repeated field "leases" had too many elements')
              }

              for (const evt of LeaseRecord.codec().stream(reader, reader.uint32(), `${prefix}.leases[]`, {
                limits: opts.limits?.leases$
              })) {
                yield {
                  ...evt,
                  index: obj.leases
                }
              }

              obj.leases++

              break
            }
            case 3: {
              if (opts.limits?.proofs != null && obj.proofs === opts.limits.proofs) {
                throw new MaxLengthError('Streaming decode error - repeated field "proofs" had too many elements')
              }

              if (obj.proofs === 4) {
                throw new MaxLengthError('Streaming decode error - repeated field "proofs" had too many elements')
              }

              for (const evt of EquivocationRecord.codec().stream(reader, reader.uint32(), `${prefix}.proofs[]`, {
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
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface LeasesSentAtMsFieldEvent {
    field: '$.sentAtMs'
    value: number
  }

  export interface LeasesLeasesJobFieldEvent {
    field: '$.leases[].job'
    value: Uint8Array
    index: number
  }

  export interface LeasesLeasesStartMsFieldEvent {
    field: '$.leases[].startMs'
    value: number
    index: number
  }

  export interface LeasesLeasesDurationMsFieldEvent {
    field: '$.leases[].durationMs'
    value: number
    index: number
  }

  export interface LeasesLeasesSequenceFieldEvent {
    field: '$.leases[].sequence'
    value: number
    index: number
  }

  export interface LeasesLeasesReleaseFieldEvent {
    field: '$.leases[].release'
    value: number
    index: number
  }

  export interface LeasesProofsJobFieldEvent {
    field: '$.proofs[].job'
    value: Uint8Array
    index: number
  }

  export interface LeasesProofsFirstFieldEvent {
    field: '$.proofs[].first'
    value: Uint8Array
    index: number
  }

  export interface LeasesProofsSecondFieldEvent {
    field: '$.proofs[].second'
    value: Uint8Array
    index: number
  }

  export function encode (obj: Partial<Leases>): Uint8Array {
    return encodeMessage(obj, Leases.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Leases>): Leases {
    return decodeMessage(buf, Leases.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Leases>): Generator<LeasesSentAtMsFieldEvent | LeasesLeasesJobFieldEvent | LeasesLeasesStartMsFieldEvent | LeasesLeasesDurationMsFieldEvent | LeasesLeasesSequenceFieldEvent | LeasesLeasesReleaseFieldEvent | LeasesProofsJobFieldEvent | LeasesProofsFirstFieldEvent | LeasesProofsSecondFieldEvent> {
    return streamMessage(buf, Leases.codec(), opts)
  }
}

export interface EquivocationRecord {
  job: Uint8Array
  first: Uint8Array
  second: Uint8Array
}

export namespace EquivocationRecord {
  let _codec: Codec<EquivocationRecord>

  export const codec = (): Codec<EquivocationRecord> => {
    if (_codec == null) {
      _codec = message<EquivocationRecord>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.job != null && obj.job.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.job)
        }

        if ((obj.first != null && obj.first.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.first)
        }

        if ((obj.second != null && obj.second.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.second)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
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
      }, function * (reader, length, prefix, opts = {}) {
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
      })
    }

    return _codec
  }

  export interface EquivocationRecordJobFieldEvent {
    field: '$.job'
    value: Uint8Array
  }

  export interface EquivocationRecordFirstFieldEvent {
    field: '$.first'
    value: Uint8Array
  }

  export interface EquivocationRecordSecondFieldEvent {
    field: '$.second'
    value: Uint8Array
  }

  export function encode (obj: Partial<EquivocationRecord>): Uint8Array {
    return encodeMessage(obj, EquivocationRecord.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EquivocationRecord>): EquivocationRecord {
    return decodeMessage(buf, EquivocationRecord.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<EquivocationRecord>): Generator<EquivocationRecordJobFieldEvent | EquivocationRecordFirstFieldEvent | EquivocationRecordSecondFieldEvent> {
    return streamMessage(buf, EquivocationRecord.codec(), opts)
  }
}

export interface LeaseRecord {
  job: Uint8Array
  startMs: number
  durationMs: number
  sequence: number
  release: number
}

export namespace LeaseRecord {
  let _codec: Codec<LeaseRecord>

  export const codec = (): Codec<LeaseRecord> => {
    if (_codec == null) {
      _codec = message<LeaseRecord>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.job != null && obj.job.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.job)
        }

        if ((obj.startMs != null && obj.startMs !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.startMs)
        }

        if ((obj.durationMs != null && obj.durationMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.durationMs)
        }

        if ((obj.sequence != null && obj.sequence !== 0)) {
          w.uint32(32)
          w.uint32(obj.sequence)
        }

        if ((obj.release != null && obj.release !== 0)) {
          w.uint32(40)
          w.uint32(obj.release)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          job: uint8ArrayAlloc(0),
          startMs: 0,
          durationMs: 0,
          sequence: 0,
          release: 0
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
              obj.startMs = reader.uint64Number()
              break
            }
            case 3: {
              obj.durationMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.sequence = reader.uint32()
              break
            }
            case 5: {
              obj.release = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
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
                field: `${prefix}.startMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.durationMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.release`,
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
      })
    }

    return _codec
  }

  export interface LeaseRecordJobFieldEvent {
    field: '$.job'
    value: Uint8Array
  }

  export interface LeaseRecordStartMsFieldEvent {
    field: '$.startMs'
    value: number
  }

  export interface LeaseRecordDurationMsFieldEvent {
    field: '$.durationMs'
    value: number
  }

  export interface LeaseRecordSequenceFieldEvent {
    field: '$.sequence'
    value: number
  }

  export interface LeaseRecordReleaseFieldEvent {
    field: '$.release'
    value: number
  }

  export function encode (obj: Partial<LeaseRecord>): Uint8Array {
    return encodeMessage(obj, LeaseRecord.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LeaseRecord>): LeaseRecord {
    return decodeMessage(buf, LeaseRecord.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LeaseRecord>): Generator<LeaseRecordJobFieldEvent | LeaseRecordStartMsFieldEvent | LeaseRecordDurationMsFieldEvent | LeaseRecordSequenceFieldEvent | LeaseRecordReleaseFieldEvent> {
    return streamMessage(buf, LeaseRecord.codec(), opts)
  }
}

export interface ResultNotices {
  sentAtMs: number
  results: ResultNoticeRecord[]
}

export namespace ResultNotices {
  let _codec: Codec<ResultNotices>

  export const codec = (): Codec<ResultNotices> => {
    if (_codec == null) {
      _codec = message<ResultNotices>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.sentAtMs != null && obj.sentAtMs !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.sentAtMs)
        }

        if (obj.results != null && obj.results.length > 0) {
          for (const value of obj.results) {
            w.uint32(18)
            ResultNoticeRecord.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          sentAtMs: 0,
          results: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.sentAtMs = reader.uint64Number()
              break
            }
            case 2: {
              if (opts.limits?.results != null && obj.results.length === opts.limits.results) {
                throw new MaxLengthError('Decode error - repeated field "results" had too many elements')
              }

              if (obj.results.length === 256) {
                throw new MaxLengthError('Decode error - repeated field "results" had too many elements')
              }

              obj.results.push(ResultNoticeRecord.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.results$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          results: 256
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.sentAtMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              if (opts.limits?.results != null && obj.results === opts.limits.results) {
                throw new MaxLengthError('Streaming decode error - repeated field "results" had too many elements')
              }

              if (obj.results === 256) {
                throw new MaxLengthError('Streaming decode error - repeated field "results" had too many elements')
              }

              for (const evt of ResultNoticeRecord.codec().stream(reader, reader.uint32(), `${prefix}.results[]`, {
                limits: opts.limits?.results$
              })) {
                yield {
                  ...evt,
                  index: obj.results
                }
              }

              obj.results++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface ResultNoticesSentAtMsFieldEvent {
    field: '$.sentAtMs'
    value: number
  }

  export interface ResultNoticesResultsJobFieldEvent {
    field: '$.results[].job'
    value: Uint8Array
    index: number
  }

  export interface ResultNoticesResultsJobIdFieldEvent {
    field: '$.results[].jobId'
    value: bigint
    index: number
  }

  export interface ResultNoticesResultsTxHashFieldEvent {
    field: '$.results[].txHash'
    value: Uint8Array
    index: number
  }

  export function encode (obj: Partial<ResultNotices>): Uint8Array {
    return encodeMessage(obj, ResultNotices.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ResultNotices>): ResultNotices {
    return decodeMessage(buf, ResultNotices.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ResultNotices>): Generator<ResultNoticesSentAtMsFieldEvent | ResultNoticesResultsJobFieldEvent | ResultNoticesResultsJobIdFieldEvent | ResultNoticesResultsTxHashFieldEvent> {
    return streamMessage(buf, ResultNotices.codec(), opts)
  }
}

export interface ResultNoticeRecord {
  job: Uint8Array
  jobId: bigint
  txHash: Uint8Array
}

export namespace ResultNoticeRecord {
  let _codec: Codec<ResultNoticeRecord>

  export const codec = (): Codec<ResultNoticeRecord> => {
    if (_codec == null) {
      _codec = message<ResultNoticeRecord>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.job != null && obj.job.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.job)
        }

        if ((obj.jobId != null && obj.jobId !== 0n)) {
          w.uint32(16)
          w.uint64(obj.jobId)
        }

        if ((obj.txHash != null && obj.txHash.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.txHash)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          job: uint8ArrayAlloc(0),
          jobId: 0n,
          txHash: uint8ArrayAlloc(0)
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
              obj.jobId = reader.uint64()
              break
            }
            case 3: {
              obj.txHash = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
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
                field: `${prefix}.jobId`,
                value: reader.uint64()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.txHash`,
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
      })
    }

    return _codec
  }

  export interface ResultNoticeRecordJobFieldEvent {
    field: '$.job'
    value: Uint8Array
  }

  export interface ResultNoticeRecordJobIdFieldEvent {
    field: '$.jobId'
    value: bigint
  }

  export interface ResultNoticeRecordTxHashFieldEvent {
    field: '$.txHash'
    value: Uint8Array
  }

  export function encode (obj: Partial<ResultNoticeRecord>): Uint8Array {
    return encodeMessage(obj, ResultNoticeRecord.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ResultNoticeRecord>): ResultNoticeRecord {
    return decodeMessage(buf, ResultNoticeRecord.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ResultNoticeRecord>): Generator<ResultNoticeRecordJobFieldEvent | ResultNoticeRecordJobIdFieldEvent | ResultNoticeRecordTxHashFieldEvent> {
    return streamMessage(buf, ResultNoticeRecord.codec(), opts)
  }
}

export interface PresenceMessage {
  sentAtMs: number
  account: Uint8Array
  capacity: number
  load: number
  models: string[]
  outOfTime: boolean
}

export namespace PresenceMessage {
  let _codec: Codec<PresenceMessage>

  export const codec = (): Codec<PresenceMessage> => {
    if (_codec == null) {
      _codec = message<PresenceMessage>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.sentAtMs != null && obj.sentAtMs !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.sentAtMs)
        }

        if ((obj.account != null && obj.account.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.account)
        }

        if ((obj.capacity != null && obj.capacity !== 0)) {
          w.uint32(24)
          w.uint32(obj.capacity)
        }

        if ((obj.load != null && obj.load !== 0)) {
          w.uint32(32)
          w.uint32(obj.load)
        }

        if (obj.models != null && obj.models.length > 0) {
          for (const value of obj.models) {
            w.uint32(42)
            w.string(value)
          }
        }

        if ((obj.outOfTime != null && obj.outOfTime !== false)) {
          w.uint32(48)
          w.bool(obj.outOfTime)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          sentAtMs: 0,
          account: uint8ArrayAlloc(0),
          capacity: 0,
          load: 0,
          models: [],
          outOfTime: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.sentAtMs = reader.uint64Number()
              break
            }
            case 2: {
              obj.account = reader.bytes()
              break
            }
            case 3: {
              obj.capacity = reader.uint32()
              break
            }
            case 4: {
              obj.load = reader.uint32()
              break
            }
            case 5: {
              if (opts.limits?.models != null && obj.models.length === opts.limits.models) {
                throw new MaxLengthError('Decode error - repeated field "models" had too many elements')
              }

              if (obj.models.length === 128) {
                throw new MaxLengthError('Decode error - repeated field "models" had too many elements')
              }

              obj.models.push(reader.string())
              break
            }
            case 6: {
              obj.outOfTime = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          models: 128
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.sentAtMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.account`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.capacity`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.load`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              if (opts.limits?.models != null && obj.models === opts.limits.models) {
                throw new MaxLengthError('Streaming decode error - repeated field "models" had too many elements')
              }

              if (obj.models === 128) {
                throw new MaxLengthError('Streaming decode error - repeated field "models" had too many elements')
              }

              yield {
                field: `${prefix}.models[]`,
                index: obj.models,
                value: reader.string()
              }

              obj.models++

              break
            }
            case 6: {
              yield {
                field: `${prefix}.outOfTime`,
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
      })
    }

    return _codec
  }

  export interface PresenceMessageSentAtMsFieldEvent {
    field: '$.sentAtMs'
    value: number
  }

  export interface PresenceMessageAccountFieldEvent {
    field: '$.account'
    value: Uint8Array
  }

  export interface PresenceMessageCapacityFieldEvent {
    field: '$.capacity'
    value: number
  }

  export interface PresenceMessageLoadFieldEvent {
    field: '$.load'
    value: number
  }

  export interface PresenceMessageModelsFieldEvent {
    field: '$.models[]'
    index: number
    value: string
  }

  export interface PresenceMessageOutOfTimeFieldEvent {
    field: '$.outOfTime'
    value: boolean
  }

  export function encode (obj: Partial<PresenceMessage>): Uint8Array {
    return encodeMessage(obj, PresenceMessage.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceMessage>): PresenceMessage {
    return decodeMessage(buf, PresenceMessage.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceMessage>): Generator<PresenceMessageSentAtMsFieldEvent | PresenceMessageAccountFieldEvent | PresenceMessageCapacityFieldEvent | PresenceMessageLoadFieldEvent | PresenceMessageModelsFieldEvent | PresenceMessageOutOfTimeFieldEvent> {
    return streamMessage(buf, PresenceMessage.codec(), opts)
  }
}
