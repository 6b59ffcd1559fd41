// Takes batches of messages from other nodes, and turns them into messages: each at most once, in
// the order of its sender.

import { Bytes, Source } from '../util/bytes/bytes.ts'
import { FRAME_HEADER_BYTES, MESSAGE_BYTES_MAX, type ReadBatch, readBatch } from './message-batch.ts'

/**
 * The number of senders remembered. A node is a new sender after each start; the one heard least
 * recently is forgotten.
 */
const SENDERS_MAX = 256

export interface IncomingMessage {
  /** The sender's shard. */
  readonly shard: string
  /** Whether nodes of that shard have it from their log. */
  readonly isInLog: boolean
}

/** Called with each message; both windows are reused. */
export type Heard = (from: IncomingMessage, channel: Bytes, message: Bytes) => void

export class IncomingMessages {
  /** Messages that were sent but never arrived. */
  missed = 0
  readonly #self: string
  readonly #heard: Heard
  readonly #streams = new Map<string, Stream>()
  readonly #channel = new Bytes()
  readonly #message = new Bytes()

  /** `self` is this node's own sender id: its batches come back and are ignored. */
  constructor(self: string, heard: Heard) {
    this.#self = self
    this.#heard = heard
  }

  /** Takes a batch, and keeps its bytes. */
  receive(bytes: Uint8Array): void {
    const batch = readBatch(bytes)
    if (batch === undefined || batch.sender === this.#self) return
    const stream = this.#streamOf(batch)
    if (batch.number < stream.next) return
    if (batch.number > stream.next) {
      this.missed += batch.messages - stream.messages
      stream.goTo(batch)
    }
    stream.next++
    if (stream.add(batch)) this.#tell(stream, batch.shard)
  }

  #streamOf(batch: ReadBatch): Stream {
    const { sender } = batch
    const known = this.#streams.get(sender)
    const stream = known ?? new Stream()
    if (known === undefined) {
      // Messages sent before this node began to listen are not counted as missed.
      stream.goTo(batch)
      for (const oldest of this.#streams.keys()) {
        if (this.#streams.size < SENDERS_MAX) break
        this.#streams.delete(oldest)
      }
    } else {
      this.#streams.delete(sender)
    }
    this.#streams.set(sender, stream)
    return stream
  }

  /** Reports all complete messages. */
  #tell(stream: Stream, shard: string): void {
    const bytes = stream.takePieces()
    const source = new Source(bytes)
    let at = 0
    let left = bytes.length
    for (; left >= FRAME_HEADER_BYTES; left = bytes.length - at) {
      const channelBytes = bytes.readUInt32LE(at + 1)
      const messageBytes = bytes.readUInt32LE(at + 5)
      const size = FRAME_HEADER_BYTES + channelBytes + messageBytes
      if (size > MESSAGE_BYTES_MAX) {
        stream.end()
        return
      }
      if (size > left) {
        stream.needed = size
        break
      }
      const isInLog = bytes[at] === 1
      this.#channel.set(source, at + FRAME_HEADER_BYTES, channelBytes)
      this.#message.set(source, at + FRAME_HEADER_BYTES + channelBytes, messageBytes)
      this.#heard({ shard, isInLog }, this.#channel, this.#message)
      stream.messages++
      at += size
    }
    if (left > 0) stream.keep(bytes.subarray(at))
  }
}

/** The stream of one sender. */
class Stream {
  /** The number of the next batch. */
  next = 0
  /** How many messages have arrived, or are known to have been sent. */
  messages = 0
  /** The number of bytes needed for the next message. */
  needed = 0
  /** Bytes of an incomplete message. */
  #pieces: Buffer[] = []
  #bytes = 0
  /** Whether the next bytes may belong to a message whose beginning is missing. */
  #isTorn = false

  /** Continues with the first message of a batch. */
  goTo({ messages, number }: ReadBatch): void {
    this.next = number
    this.messages = messages
    this.needed = 0
    this.#pieces = []
    this.#bytes = 0
    this.#isTorn = true
  }

  /** Takes the next batch; returns true when a complete message may be there. */
  add({ first, payload }: ReadBatch): boolean {
    this.keep(this.#isTorn ? payload.subarray(first) : payload)
    if (first < payload.length) this.#isTorn = false
    return this.#bytes >= this.needed
  }

  keep(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#pieces.push(bytes)
    this.#bytes += bytes.length
  }

  /** The stream is invalid: everything else from this sender is ignored. */
  end(): void {
    this.next = Number.MAX_SAFE_INTEGER
  }

  takePieces(): Buffer {
    const [first, ...others] = this.#pieces
    const whole = first !== undefined && others.length === 0 ? first : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#bytes = 0
    this.needed = 0
    return whole
  }
}
