export * from './client.js'
export * from './job-reader.js'
export type { PagedReader } from './paged-reader.js'
export * from './result-reader.js'
