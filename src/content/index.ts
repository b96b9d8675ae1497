export type { LookupHost } from './public-address.js'
export { type ContentResolver, type ContentResolverInit, contentResolver } from './resolver.js'
