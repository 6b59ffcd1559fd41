// Batches of messages that come from other nodes, made messages again: each once, in the order of its sender.

import { Bytes, Source } from '../util/bytes/bytes.ts'
import { FRAME_HEADER_BYTES, MESSAGE_BYTES_MAX, type ReadBatch, readBatch } from './message-batch.ts'

/** Senders that are remembered: a node is another one after each start. Whoever was heard least lately is forgotten. */
const SENDERS_MAX = 256

export interface IncomingMessage {
  /** The sender's. */
  readonly shard: string
  /** Nodes of that shard have it from their log. */
  readonly isInLog: boolean
}

/** Called with each message; both windows are used again. */
export type Heard = (from: IncomingMessage, channel: Bytes, message: Bytes) => void

export class IncomingMessages {
  /** Those of which is known that they were sent, and have not come. */
  missed = 0
  readonly #self: string
  readonly #heard: Heard
  readonly #streams = new Map<string, Stream>()
  readonly #channel = new Bytes()
  readonly #message = new Bytes()

  /** `self`: the sender that this node is, whose batches come back. */
  constructor(self: string, heard: Heard) {
    this.#self = self
    this.#heard = heard
  }

  /** Takes a batch, whose bytes it keeps. */
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
      // What it has sent before our time is not missed.
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

  /** Tells of all messages that are whole. */
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

/** What a sender has sent so far. */
class Stream {
  /** The number of the next batch. */
  next = 0
  /** How many messages have come, or are known to have been sent. */
  messages = 0
  /** So many bytes have to be there before there is another message. */
  needed = 0
  /** The beginning of a message. */
  #pieces: Buffer[] = []
  #bytes = 0
  /** What comes next may be the rest of a message whose beginning is missing. */
  #isTorn = false

  /** Goes on with the first message of a batch. */
  goTo({ messages, number }: ReadBatch): void {
    this.next = number
    this.messages = messages
    this.needed = 0
    this.#pieces = []
    this.#bytes = 0
    this.#isTorn = true
  }

  /** Takes what comes next; true when there is a whole message. */
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

  /** It says what no sender says: nothing more is taken of it. */
  end(): void {
    this.next = Number.MAX_SAFE_INTEGER
  }

  takePieces(): Buffer {
    const whole = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#bytes = 0
    this.needed = 0
    return whole
  }
}
