// What a client that caches is sent: encoded once, and delivered as often as somebody gets the same bytes.
//
//   push      >2 invalidate <what>                     to a client of RESP3
//   message   *3 message __redis__:invalidate <what>   to a subscriber of RESP2, for somebody else
//   <what>    an array of keys, or null for all
//
// Like those of the broker, the bytes stay where they are until the turn's end.

import { REPLY_BUFFER_BYTES } from '../../protocol/limits.ts'
import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Bytes, Source } from '../../util/bytes/bytes.ts'

/** The channel on which subscribers of RESP2 are told. */
const CHANNEL = '__redis__:invalidate'
/** Room for everything but the keys: headers of at most 32 bytes, words, line ends. */
const FRAME_BYTES_MAX = 192
/** Room for a key's header and line end, more than either takes. */
const KEY_FRAME_BYTES_MAX = 32

/** How a message is dressed, which the receiver decides. */
export type Dress = 'push' | 'message'

/** Makes the messages of one dress. */
export class InvalidationMessages {
  /** Where the message encoded last lies. */
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

  /** One key. */
  key(key: Bytes): void {
    const buffer = this.#begin(key.length)
    buffer.array(1)
    buffer.bulk(key)
    this.end = buffer.position
  }

  /** Several keys. */
  keys(keys: readonly string[]): void {
    let bytes = 0
    for (let i = 0; i < keys.length; i++) bytes += itemAt(keys, i).length + KEY_FRAME_BYTES_MAX
    const buffer = this.#begin(bytes)
    buffer.array(keys.length)
    for (let i = 0; i < keys.length; i++) buffer.text(itemAt(keys, i))
    this.end = buffer.position
  }

  /** All keys: null, in the protocol of whose cache it is; the receiver may speak another (Redis: CLIENT TRACKING ON REDIRECT, FLUSHALL). */
  all(protocol: 2 | 3): void {
    const buffer = this.#begin(0)
    buffer.setProtocol(protocol)
    buffer.nil()
    this.end = buffer.position
  }

  /** The client to which messages were to go is gone. */
  broken(redirect: number): void {
    const buffer = this.#open(FRAME_BYTES_MAX)
    buffer.setProtocol(3)
    buffer.push(2)
    buffer.text('tracking-redir-broken')
    buffer.integer(redirect)
    this.end = buffer.position
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

  /** The buffer, with room for a message in one piece. */
  #open(bytes: number): ReplyBuffer {
    const buffer = this.#buffer
    this.#used = true
    buffer.reserve(bytes)
    this.source = buffer.source
    this.start = buffer.position
    return buffer
  }

  /** Every message so far has left: its bytes may be written over. */
  recycle(): void {
    if (this.#used) this.#buffer.recycle()
    this.#used = false
  }

  /** Somebody still holds messages: new ones are written elsewhere. */
  abandon(): void {
    if (this.#used) this.#buffer.abandon()
    this.#used = false
  }
}
