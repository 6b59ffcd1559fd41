// Messages that wait to be sent to other shards: one stretch of bytes, from whose front batches are
// taken (message-batch.ts).

import { type Bytes, copyBytes, Source } from '../util/bytes/bytes.ts'
import { FRAME_HEADER_BYTES, headerBytesOf, MESSAGE_BYTES_MAX, writeHeader } from './message-batch.ts'

/** Bytes that may wait beside the batch in flight. */
const WAITING_BYTES_MAX = MESSAGE_BYTES_MAX
/** Enough for the messages of a usual turn. */
const BUFFER_BYTES = 16 * 1024
/** A larger buffer is released after a burst. */
const BUFFER_BYTES_KEPT_MAX = 1024 * 1024

export interface OutgoingBatch {
  readonly bytes: Buffer
  /** The number of messages that end in it. */
  readonly messages: number
}

export class OutgoingMessages {
  readonly #shard: string
  readonly #sender: string
  #source = Source.allocate(BUFFER_BYTES)
  /** The waiting bytes lie between these two offsets. */
  #start = 0
  #end = 0
  /** The number of batches taken, and of messages begun in them. */
  #batches = 0
  #begun = 0
  /** Bytes at the front that belong to a message begun in an earlier batch. */
  #rest = 0

  /** `sender` is the id of this node's stream. */
  constructor(shard: string, sender: string) {
    this.#shard = shard
    this.#sender = sender
  }

  get isEmpty(): boolean {
    return this.#start === this.#end
  }

  /** Adds a message, and copies its bytes; returns false when there is no room. */
  add(channel: Bytes, message: Bytes, isInLog: boolean): boolean {
    const bytes = FRAME_HEADER_BYTES + channel.length + message.length
    if (this.#end - this.#start + bytes > WAITING_BYTES_MAX) return false
    this.#room(bytes)
    const { u8 } = this.#source
    u8[this.#end] = isInLog ? 1 : 0
    u8.writeUInt32LE(channel.length, this.#end + 1)
    u8.writeUInt32LE(message.length, this.#end + 5)
    this.#end += FRAME_HEADER_BYTES
    for (const part of [channel, message]) {
      copyBytes(this.#source, this.#end, part.source, part.start, part.length)
      this.#end += part.length
    }
    return true
  }

  /** Takes a batch of at most this many bytes; at least one message must wait. */
  take(bytesMax: number): OutgoingBatch {
    const { u8 } = this.#source
    const header = headerBytesOf(this.#shard)
    const size = Math.min(this.#end - this.#start, bytesMax - header)
    const first = Math.min(this.#rest, size)
    let at = this.#rest
    let begun = 0
    for (; at < size; begun++) {
      const frame = this.#start + at
      at += FRAME_HEADER_BYTES + u8.readUInt32LE(frame + 1) + u8.readUInt32LE(frame + 5)
    }
    const bytes = Buffer.allocUnsafe(header + size)
    writeHeader(bytes, {
      shard: this.#shard,
      sender: this.#sender,
      number: this.#batches++,
      messages: this.#begun,
      first,
    })
    u8.copy(bytes, header, this.#start, this.#start + size)
    // A message cut here ends in a later batch; one that was cut before may end here.
    const wasCut = this.#rest > 0
    this.#rest = at - size
    const messages = begun + Number(wasCut) - Number(this.#rest > 0)
    this.#begun += begun
    this.#start += size
    if (this.isEmpty) this.#forget()
    return { bytes, messages }
  }

  #forget(): void {
    this.#start = this.#end = 0
    if (this.#source.u8.length > BUFFER_BYTES_KEPT_MAX) this.#source = Source.allocate(BUFFER_BYTES)
  }

  /** Makes room behind the waiting bytes. */
  #room(bytes: number): void {
    const { u8 } = this.#source
    if (this.#end + bytes <= u8.length) return
    const waiting = this.#end - this.#start
    // The bytes are moved to the front only when that frees at least half of the buffer. So they
    // are not moved for each message.
    const isEnough = waiting + bytes <= u8.length / 2
    const target = isEnough ? this.#source : Source.allocate(2 * (waiting + bytes))
    u8.copy(target.u8, 0, this.#start, this.#end)
    this.#source = target
    this.#start = 0
    this.#end = waiting
  }
}
