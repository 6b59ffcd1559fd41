// Where a structure writes its elements: as much of a reply as it has to know of.

import type { Bytes, Source } from '../../util/bytes/bytes.ts'

export interface ElementSink {
  /** Takes an element. */
  bulk(bytes: Bytes): void
  /** Takes an element that is part of a source. */
  bulkFrom(source: Source, start: number, length: number): void
  /**
   * Takes `count` elements that lie in a row from `start` on, each of at most SHORT_ELEMENT_BYTES_MAX bytes and laid out as an
   * entry (list-entry.ts). Returns where the row ends.
   */
  bulkRow(source: Source, start: number, count: number): number
}

/** As ElementSink, for elements that come in groups: the fields of a stream's entry. */
export interface GroupSink extends ElementSink {
  /** Announces `length` elements that belong together. */
  array(length: number): void
}
