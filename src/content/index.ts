export {
  type Content,
  type ContentComponents,
  type ContentInit,
  createContent,
  type FetchOptions
} from './content.js'
export { type Copies, outputCopies, pinProtocol } from './copies.js'
export type { DownloadProgress } from './download.js'
export { type OutputStore, type OutputStoreInit, outputStore } from './output-store.js'
export type { LookupHost } from './public-address.js'
export {
  type ContentResolver,
  type ContentResolverInit,
  contentResolver,
  defaultArweaveGateway
} from './resolver.js'
