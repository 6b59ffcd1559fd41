// Measures a script's reply without writing it.
//
// A table of a few kilobytes can reply gigabytes, because it may contain another table a thousand
// times. Redis writes such a reply until memory runs out. Here it is an error, found before the
// first byte is written.

import { ReplyError } from '../protocol/errors.ts'
import type { Reply } from '../protocol/reply.ts'
import type { Bytes, Source } from '../util/bytes/bytes.ts'

/** The largest reply of a script: the same limit as for memory that a script may use. */
const REPLY_BYTES_MAX = 256 * 1024 * 1024

/**
 * Bytes counted for an element besides its text. Walking it twice takes 50 ns, during which no
 * client is served.
 */
const ELEMENT_BYTES = 32

const TOO_LARGE = new ReplyError(`ERR the script's reply is larger than ${REPLY_BYTES_MAX} bytes`)

/** Throws as soon as the reply is too large. */
export class ReplySize implements Reply {
  readonly protocol: 2 | 3
  #bytesLeft = REPLY_BYTES_MAX

  constructor(protocol: 2 | 3) {
    this.protocol = protocol
  }

  #add(textBytes: number): void {
    this.#bytesLeft -= textBytes + ELEMENT_BYTES
    if (this.#bytesLeft < 0) throw TOO_LARGE
  }

  ok(): void {
    this.#add(0)
  }

  status(text: string): void {
    this.#add(text.length)
  }

  error(error: ReplyError): void {
    this.#add(error.text.length)
  }

  integer(): void {
    this.#add(0)
  }

  bulk(bytes: Bytes): void {
    this.#add(bytes.length)
  }

  bulkFrom(_source: Source, _start: number, length: number): void {
    this.#add(length)
  }

  bulkRow(_source: Source, start: number): number {
    return start
  }

  text(latin1: string): void {
    this.#add(latin1.length)
  }

  nil(): void {
    this.#add(0)
  }

  nilArray(): void {
    this.#add(0)
  }

  array(): void {
    this.#add(0)
  }

  map(): void {
    this.#add(0)
  }

  set(): void {
    this.#add(0)
  }

  push(): void {
    this.#add(0)
  }

  double(): void {
    this.#add(0)
  }

  printedDouble(text: string): void {
    this.#add(text.length)
  }

  bigNumber(text: string): void {
    this.#add(text.length)
  }

  boolean(): void {
    this.#add(0)
  }

  verbatim(latin1: string): void {
    this.#add(latin1.length)
  }
}
