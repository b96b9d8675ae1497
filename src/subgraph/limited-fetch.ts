/** `fetch` that throws where the body of the answer is larger than `maxBytes`, without reading on. */
export function limitedFetch(maxBytes: number): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    const chunks: Uint8Array<ArrayBuffer>[] = []
    let sizeBytes = 0
    // Leaving the loop by a throw cancels the rest of the body.
    for await (const chunk of response.body ?? []) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) throw new RangeError(`its answer has more than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
    const { status, statusText, headers } = response
    // A body is not allowed with these.
    const hasBody = status !== 204 && status !== 205 && status !== 304
    return new Response(hasBody ? new Blob(chunks) : null, { status, statusText, headers })
  }
}
