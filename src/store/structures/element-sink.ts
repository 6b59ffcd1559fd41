// The part of a reply that structures write their elements to.

import type { Bytes, Source } from '../../util/bytes/bytes.ts'

export interface ElementSink {
  /** Writes an element. */
  bulk(bytes: Bytes): void
  /** Writes an element that is a part of a source. */
  bulkFrom(source: Source, start: number, length: number): void
  /**
   * Writes `count` elements that lie one after the other from `start` on. Each has at most
   * SHORT_ELEMENT_BYTES_MAX bytes and the layout of an entry (list-entry.ts). Returns the position
   * behind the last.
   */
  bulkRow(source: Source, start: number, count: number): number
}

/** An ElementSink for elements that come in groups: the fields of a stream's entry. */
export interface GroupSink extends ElementSink {
  /** Announces that the next `length` elements belong together. */
  array(length: number): void
}
