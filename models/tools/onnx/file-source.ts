import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { ByteSource } from './wire.js'

/** One read of the file serves many small fields. */
const pageBytes = 64 * 1024

/** Reads a file through a window. Blocks, as graph checks are short and run in a process of their own. */
export function openFileSource(path: string): ByteSource & { close(): void } {
  const handle = openSync(path, 'r')
  const page = new Uint8Array(pageBytes)
  let pageStart = 0
  let pageLength = 0
  return {
    sizeBytes: fstatSync(handle).size,
    read(offset, length) {
      if (length > pageBytes) {
        const bytes = new Uint8Array(length)
        return bytes.subarray(0, readSync(handle, bytes, 0, length, offset))
      }
      if (offset < pageStart || offset + length > pageStart + pageLength) {
        pageStart = offset
        pageLength = readSync(handle, page, 0, pageBytes, offset)
      }
      return page.slice(offset - pageStart, Math.min(offset - pageStart + length, pageLength))
    },
    close: () => closeSync(handle)
  }
}
