// The replies of commands, as shapes: they do not name a version (invariant 7).
//
// `Reply` is the interface commands write to. `ReplyBuffer` (reply-buffer.ts) makes RESP2 or RESP3
// bytes of it; a script's or an embedded caller's implementation makes values.

import type { Bytes, Source } from '../util/bytes/bytes.ts'
import type { ReplyError } from './errors.ts'

/** The longest bulk string of a row: its length is one byte, of seven bits. */
export const ROW_BULK_BYTES_MAX = 127

export interface Reply {
  /** 2 or 3. Commands must not ask; the few whose *shape* Redis changed between versions may. */
  readonly protocol: 2 | 3

  /** Forgets the parts of the reply under way; only where replies become values. */
  startOver?(): void
  /** Follows a change of the client's protocol (HELLO); only where a client is replied to. */
  setProtocol?(protocol: 2 | 3): void
  /** +OK */
  ok(): void
  /** A status line: +PONG, +QUEUED. */
  status(text: string): void
  error(error: ReplyError): void
  integer(value: number | bigint): void
  /** A bulk string out of bytes. */
  bulk(bytes: Bytes): void
  /** A bulk string out of part of a source. */
  bulkFrom(source: Source, start: number, length: number): void
  /**
   * `count` bulk strings that lie in a row from `start` on, each of at most ROW_BULK_BYTES_MAX
   * bytes, as [length: one byte][bytes][one byte more, skipped]. Returns where the row ends.
   */
  bulkRow(source: Source, start: number, count: number): number
  /** A bulk string out of a latin1 string. */
  text(latin1: string): void
  /** The absent value: $-1, or _ in RESP3. */
  nil(): void
  /** The absent array: *-1, or _ in RESP3. */
  nilArray(): void
  /** Announces `length` replies to follow. */
  array(length: number): void
  /** Announces `length` pairs: an array of 2 × length in RESP2. */
  map(length: number): void
  /** Announces `length` distinct members: an array in RESP2. */
  set(length: number): void
  /** Announces an out-of-band message of `length` parts: an array in RESP2. */
  push(length: number): void
  /**
   * Announces `length` pairs about the reply that follows them; only where replies become bytes,
   * and only in RESP3.
   */
  attribute?(length: number): void
  /** A double: a bulk string in RESP2. */
  double(value: number): void
  /**
   * A double that is printed already, by rules of its own (coordinates): a bulk string in RESP2.
   */
  printedDouble(text: string): void
  /** true or false: 1 or 0 in RESP2. */
  boolean(value: boolean): void
  /** An integer of any size, in decimal: a bulk string in RESP2. */
  bigNumber(text: string): void
  /**
   * Text for people (INFO, CLIENT LIST): a bulk string in RESP2, =txt: in RESP3. `format` is three
   * bytes long.
   */
  verbatim(latin1: string, format?: string): void
}
