// Reads for a client that wants all of its messages in the order of their ids, whatever it
// subscribed to.
//
// Each of its readers that is behind reads as far as no other has an older message unread. A
// reader that stops there moves its position up to its next message, so that the others see how
// far they may go. So each step sends a message or moves a position, and some reader can always
// go on.

import type { StreamId } from '../../store/stream/stream-id.ts'

/** A subscription that is read with others of its client. */
export interface OrderedReader {
  readonly client: { readonly pendingBytes: number }
  /** False while it has unread messages. */
  readonly isLive: boolean
  /** True when it knows which of its logs have unread messages. */
  readonly isSearched: boolean
  /** How far it has read, while it is behind. */
  readonly position: { readonly id: StreamId }
  /**
   * Sends unread messages until `bytesMax` wait for the client; with `bound`, none that others
   * have older ones than.
   */
  readTo(bytesMax: number, bound: StreamId | undefined): void
}

/** Reads one slice, until `bytesMax` wait for the client. */
export function readInOrder(readers: Iterable<OrderedReader>, bytesMax: number): void {
  for (;;) {
    const [first, second] = leastTwo(readers)
    if (first === undefined) return
    first.readTo(bytesMax, second?.position.id)
    if (first.client.pendingBytes >= bytesMax || !first.isSearched) return
  }
}

/** Returns the readers that are behind and are the least far. */
function leastTwo(readers: Iterable<OrderedReader>): [OrderedReader | undefined, OrderedReader | undefined] {
  let first: OrderedReader | undefined
  let second: OrderedReader | undefined
  for (const reader of readers) {
    if (reader.isLive) continue
    if (first === undefined || isBefore(reader, first)) {
      second = first
      first = reader
    } else if (second === undefined || isBefore(reader, second)) second = reader
  }
  return [first, second]
}

function isBefore(one: OrderedReader, other: OrderedReader): boolean {
  return one.position.id.compare(other.position.id) < 0
}
