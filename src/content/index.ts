export {
  type Content,
  type ContentComponents,
  type ContentInit,
  createContent,
  type FetchOptions
} from './content.js'
export type { DownloadProgress } from './download.js'
export type { LookupHost } from './public-address.js'
export { type ContentResolver, type ContentResolverInit, contentResolver } from './resolver.js'
