// The messages to clients that cache: each is encoded once, and delivered to every client that gets
// the same bytes.
//
//   push      >2 invalidate <what>                     to a client of RESP3
//   message   *3 message __redis__:invalidate <what>   to a subscriber of RESP2, for another client
//   <what>    an array of keys, or null for all
//
// Like those of the broker, the bytes stay where they are until the turn's end.

import { REPLY_BUFFER_BYTES } from '../../protocol/limits.ts'
import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes, Source } from '../../util/bytes/bytes.ts'

/** The channel of the messages to subscribers of RESP2. */
const CHANNEL = '__redis__:invalidate'
/** Bytes for everything but the keys: headers of at most 32 bytes, words, line ends. */
const FRAME_BYTES_MAX = 192
/** More bytes than a key's header and line end take. */
const KEY_FRAME_BYTES_MAX = 32

/** The form of a message, which depends on its receiver. */
export type Dress = 'push' | 'message'

/** Makes the messages of one form. */
export class InvalidationMessages {
  /** The bytes of the last encoded message: [start, end) of `source`. */
  source: Source
  start = 0
  end = 0
  readonly #dress: Dress
  readonly #buffer = new ReplyBuffer(REPLY_BUFFER_BYTES, 0)
  #used = false

  constructor(dress: Dress) {
    this.#dress = dress
    this.source = this.#buffer.source
  }

  /** Encodes the change of one key. */
  key(key: Bytes): void {
    const buffer = this.#begin(key.length)
    buffer.array(1)
    buffer.bulk(key)
    this.#close(buffer)
  }

  /** Encodes the changes of several keys. */
  keys(keys: readonly string[]): void {
    let bytes = 0
    for (let i = 0; i < keys.length; i++) bytes += itemAt(keys, i).length + KEY_FRAME_BYTES_MAX
    const buffer = this.#begin(bytes)
    buffer.array(keys.length)
    for (let i = 0; i < keys.length; i++) buffer.text(itemAt(keys, i))
    this.#close(buffer)
  }

  /**
   * Encodes the change of all keys: null, in the protocol of the client that caches. Its receiver
   * may speak the other one (Redis: CLIENT TRACKING ON REDIRECT, FLUSHALL).
   */
  all(protocol: 2 | 3): void {
    const buffer = this.#begin(0)
    buffer.setProtocol(protocol)
    buffer.nil()
    this.#close(buffer)
  }

  /** Encodes that the client to which messages were redirected is gone. */
  broken(redirect: number): void {
    const buffer = this.#open(FRAME_BYTES_MAX)
    buffer.setProtocol(3)
    buffer.push(2)
    buffer.text('tracking-redir-broken')
    buffer.integer(redirect)
    this.#close(buffer)
  }

  #begin(keyBytes: number): ReplyBuffer {
    const buffer = this.#open(keyBytes + FRAME_BYTES_MAX)
    if (this.#dress === 'push') {
      buffer.setProtocol(3)
      buffer.push(2)
      buffer.text('invalidate')
    } else {
      buffer.setProtocol(2)
      buffer.push(3)
      buffer.text('message')
      buffer.text(CHANNEL)
    }
    return buffer
  }

  /** Returns the buffer, with room for a message in one piece. */
  #open(bytes: number): ReplyBuffer {
    const buffer = this.#buffer
    this.#used = true
    buffer.reserve(bytes)
    this.source = buffer.source
    this.start = buffer.position
    return buffer
  }

  #close(buffer: ReplyBuffer): void {
    assert(buffer.source === this.source, 'a message lies in one piece')
    this.end = buffer.position
  }

  /** Reuses the memory of the messages, because all of them were sent. */
  recycle(): void {
    if (this.#used) this.#buffer.recycle()
    this.#used = false
  }

  /**
   * Gives the memory of the messages up, because a client still holds some. New ones are written
   * elsewhere.
   */
  abandon(): void {
    if (this.#used) this.#buffer.abandon()
    this.#used = false
  }
}
