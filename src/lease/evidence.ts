/** Signed envelopes that are kept with leases: each once, however many leases share it. */
export interface Evidence {
  /**
   * Counts one lease more that keeps the envelope. Undefined where there is no room for it.
   * @param always keeps it whatever room there is
   */
  keep(envelope: Uint8Array | undefined, always: boolean): Uint8Array | undefined
  /** Counts one lease less: an envelope that no lease keeps leaves. */
  drop(envelope: Uint8Array | undefined): void
  /** Bytes of all envelopes. */
  readonly sizeBytes: number
}

export function evidence({ maxBytes }: { maxBytes: number }): Evidence {
  const uses = new Map<Uint8Array, number>()
  let sizeBytes = 0
  return {
    keep(envelope, always) {
      if (envelope === undefined) return undefined
      const known = uses.get(envelope)
      if (known === undefined) {
        if (!always && sizeBytes + envelope.byteLength > maxBytes) return undefined
        sizeBytes += envelope.byteLength
      }
      uses.set(envelope, (known ?? 0) + 1)
      return envelope
    },
    drop(envelope) {
      if (envelope === undefined) return
      const left = (uses.get(envelope) ?? 0) - 1
      if (left > 0) {
        uses.set(envelope, left)
        return
      }
      if (uses.delete(envelope)) sizeBytes -= envelope.byteLength
    },
    get sizeBytes() {
      return sizeBytes
    }
  }
}
