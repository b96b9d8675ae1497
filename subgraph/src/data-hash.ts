import { Bytes, crypto, ethereum } from '@graphprotocol/graph-ts'

/**
 * keccak256 of the data field of the event's log, encoded again from its parameters from `firstUnindexed` on.
 * Those must hold at least one dynamic type: `encode` then puts the offset of the tuple (32 bytes) in front,
 * which a log's data does not have.
 */
export function dataHashOf(event: ethereum.Event, firstUnindexed: i32): Bytes {
  const tuple = new ethereum.Tuple()
  for (let i = firstUnindexed; i < event.parameters.length; i++) {
    tuple.push(event.parameters[i].value)
  }
  const encoded = ethereum.encode(ethereum.Value.fromTuple(tuple))!
  return Bytes.fromByteArray(crypto.keccak256(Bytes.fromUint8Array(encoded.slice(32))))
}
