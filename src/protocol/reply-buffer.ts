// Replies into bytes, gathered until the turn of the loop ends.
//
// All clients write into one scratch buffer. The bytes written between `open` and `close` belong to
// one receiver, which gets segments of the scratch: no reply is copied or allocated on its way out.
// When the scratch is full a new one is taken and the receiver gets another segment, so a reply of
// any size is never moved. A single reply larger than a scratch gets memory of its own size, and
// writing goes on in the scratch where it stopped. After everything was sent `recycle` starts the
// scratch over.

import { byteAt, numberAt } from '../util/array-reads.ts'
import { type Bytes, copyBytes, Source } from '../util/bytes/bytes.ts'
import { writeLatin1 } from '../util/bytes/text.ts'
import { discarded } from '../util/memory/discarded.ts'
import { spareMemory } from '../util/memory/spare-memory.ts'
import { DOUBLE_TEXT_BYTES_MAX, writeDouble, writeInteger } from '../util/numbers/numbers.ts'
import type { ReplyError } from './errors.ts'
import { REPLY_BUFFER_BYTES } from './limits.ts'
import { type Reply, ROW_BULK_BYTES_MAX } from './reply.ts'
import { REPLY_TYPE } from './reply-reader.ts'

/** The client whose replies are being written. */
export interface ReplyReceiver {
  readonly protocol: 2 | 3
  /** Takes [start, end) of a source that stays unchanged until the turn's end. */
  addSegment(source: Source, start: number, end: number): void
}

/** A type byte, twenty digits and two line ends. */
const HEADER_BYTES_MAX = 32

/**
 * Room for a bulk string of a row with its header and both line ends, and for the four bytes in
 * which a header is written.
 */
const ROW_BULK_ROOM = ROW_BULK_BYTES_MAX + 12

/**
 * Length of a row's bulk string → the first four bytes of its header: `$<length>`, and as much of
 * CR LF as fits.
 */
const ROW_HEADERS = Int32Array.from({ length: ROW_BULK_BYTES_MAX + 1 }, (_, length) =>
  Buffer.from(`$${length}\r\n`, 'latin1').readInt32LE(0),
)

/** A line of a type that no server sends. */
const IN_PROCESS_REPLY = `${String.fromCharCode(REPLY_TYPE.inProcess)}\r\n`

export class ReplyBuffer implements Reply {
  protocol: 2 | 3 = 2
  /** The scratch; #source is another one only while a large reply is being written. */
  #scratch: Source
  /** Where the scratch goes on after a large reply. */
  #scratchAt = 0
  #source: Source
  #u8: Buffer
  #at = 0
  #end: number
  /** Where the open receiver's current segment begins. */
  #start = 0
  #receiver: ReplyReceiver | undefined = undefined
  /** Receivers still hold segments of the bytes written so far: `recycle` must not start over. */
  #abandoned = false
  /** Memory of large replies, and full scratches, since the last `recycle` or `abandon`. */
  #spent: Source[] = []
  /** Bytes of `#spent`. */
  #spentBytes = 0
  readonly #bytes: number

  /**
   * `first` = the size of the first scratch. A caller that always reserves before it writes may
   * begin with none.
   */
  constructor(bytes: number = REPLY_BUFFER_BYTES, first: number = bytes) {
    this.#bytes = bytes
    this.#scratch = Source.allocate(first)
    this.#source = this.#scratch
    this.#u8 = this.#source.u8
    this.#end = first
  }

  /** Begins writing for a receiver. Returns the receiver that it interrupts, for a later `open`. */
  open(receiver: ReplyReceiver): ReplyReceiver | undefined {
    const previous = this.#receiver
    if (previous !== undefined) this.close()
    this.#receiver = receiver
    this.protocol = receiver.protocol
    this.#start = this.#at
    return previous
  }

  /** Hands the receiver the bytes written since `open`. */
  close(): void {
    const receiver = this.#receiver
    if (receiver === undefined) return
    this.#receiver = undefined
    if (this.#at > this.#start) receiver.addSegment(this.#source, this.#start, this.#at)
    this.#start = this.#at
  }

  /** Follows a change of the open receiver's protocol (HELLO). */
  setProtocol(protocol: 2 | 3): void {
    this.protocol = protocol
  }

  /** Hands the open receiver the bytes written so far and goes on. */
  mark(): void {
    const receiver = this.#receiver
    if (receiver !== undefined && this.#at > this.#start) {
      const start = this.#start
      this.#start = this.#at
      receiver.addSegment(this.#source, start, this.#at)
    }
  }

  /**
   * As `mark`, if `receiver` is the open one: bytes that others add to it next come after its own
   * replies.
   */
  markFor(receiver: ReplyReceiver): void {
    if (this.#receiver === receiver) this.mark()
  }

  /** True between `open` and `close`. */
  get isOpen(): boolean {
    return this.#receiver !== undefined
  }

  /** Tells whether the bytes written now are a receiver's. */
  isOpenFor(receiver: ReplyReceiver): boolean {
    return this.#receiver === receiver
  }

  /** True when something was written since `open` or `mark`. */
  get dirty(): boolean {
    return this.#at > this.#start
  }

  /**
   * True when it is time to send: long replies leave early, so that their memory serves the next
   * ones while it is in the processor's cache.
   */
  get halfFull(): boolean {
    return this.#spentBytes > 0 || this.#at > this.#end >>> 1
  }

  /**
   * Starts the scratch over. No receiver may hold a segment of bytes written since the last
   * `recycle` or `abandon`.
   */
  recycle(): void {
    if (this.#spentBytes !== 0) this.#discardSpent()
    this.#use(this.#scratch, this.#abandoned ? this.#rest() : 0)
  }

  /**
   * Leaves the written bytes to receivers that still hold segments of them. The rest of the scratch
   * is used up before a new one is taken.
   */
  abandon(): void {
    this.#spent = []
    this.#spentBytes = 0
    this.#abandoned = true
    this.#use(this.#scratch, this.#rest())
  }

  /** As `abandon`, for receivers that have registered their hold (util/memory/discarded.ts). */
  leave(): void {
    if (this.#spentBytes !== 0) this.#discardSpent()
    this.abandon()
  }

  /** Where the next byte goes, with `position`; for writers that hand out segments themselves. */
  get source(): Source {
    return this.#source
  }

  get position(): number {
    return this.#at
  }

  /**
   * Goes back to where `source` and `position` stood when the open receiver began. Returns false
   * when a part of the bytes behind them was handed over.
   */
  rewind(source: Source, position: number): boolean {
    if (this.#source !== source || position < this.#start) return false
    this.#at = position
    return true
  }

  /** Makes sure that the next `bytes` bytes are written in one piece. */
  reserve(bytes: number): void {
    if (this.#at + bytes > this.#end) this.#room(bytes)
  }

  ok(): void {
    if (this.#at + 5 > this.#end) this.#room(5)
    const u8 = this.#u8
    const at = this.#at
    u8[at] = 43
    u8[at + 1] = 79
    u8[at + 2] = 75
    u8[at + 3] = 13
    u8[at + 4] = 10
    this.#at = at + 5
  }

  status(text: string): void {
    this.#line(43, text)
  }

  error(error: ReplyError): void {
    this.#line(45, error.text)
  }

  integer(value: number | bigint): void {
    if (typeof value === 'bigint') {
      this.#line(58, value.toString())
      return
    }
    this.#header(58, value)
  }

  bulk(bytes: Bytes): void {
    this.bulkFrom(bytes.source, bytes.start, bytes.length)
  }

  bulkFrom(source: Source, start: number, length: number): void {
    if (this.#at + length + HEADER_BYTES_MAX > this.#end) this.#room(length + HEADER_BYTES_MAX)
    this.#header(36, length)
    const at = this.#at
    copyBytes(this.#source, at, source, start, length)
    this.#u8[at + length] = 13
    this.#u8[at + length + 1] = 10
    this.#at = at + length + 2
  }

  bulkRow(source: Source, start: number, count: number): number {
    // One loop with everything in locals: LRANGE of 100 elements consists of it.
    const from = source.u8
    const fromView = source.view
    let u8 = this.#u8
    let { view } = this.#source
    let at = this.#at
    let end = this.#end - ROW_BULK_ROOM
    let read = start
    for (let left = count; left > 0; left--) {
      if (at > end) {
        this.#at = at
        this.#room(ROW_BULK_ROOM)
        u8 = this.#u8
        view = this.#source.view
        at = this.#at
        end = this.#end - ROW_BULK_ROOM
      }
      const length = byteAt(from, read++)
      view.setInt32(at, numberAt(ROW_HEADERS, length), true)
      at += 4
      if (length >= 100) u8[at++] = 13
      if (length >= 10) u8[at++] = 10
      if (length >= 4) {
        // By words; the last one overlaps the one before.
        const last = length - 4
        for (let i = 0; i < last; i += 4) view.setInt32(at + i, fromView.getInt32(read + i, true), true)
        view.setInt32(at + last, fromView.getInt32(read + last, true), true)
      } else {
        for (let i = 0; i < length; i++) u8[at + i] = byteAt(from, read + i)
      }
      at += length
      u8[at++] = 13
      u8[at++] = 10
      read += length + 1
    }
    this.#at = at
    return read
  }

  text(latin1: string): void {
    const { length } = latin1
    if (this.#at + length + HEADER_BYTES_MAX > this.#end) this.#room(length + HEADER_BYTES_MAX)
    this.#header(36, length)
    this.#latin1(latin1)
    this.#newline()
  }

  nil(): void {
    if (this.protocol === 3) this.raw('_\r\n')
    else this.raw('$-1\r\n')
  }

  nilArray(): void {
    if (this.protocol === 3) this.raw('_\r\n')
    else this.raw('*-1\r\n')
  }

  array(length: number): void {
    this.#header(42, length)
  }

  map(length: number): void {
    if (this.protocol === 3) this.#header(37, length)
    else this.#header(42, 2 * length)
  }

  set(length: number): void {
    this.#header(this.protocol === 3 ? 126 : 42, length)
  }

  push(length: number): void {
    this.#header(this.protocol === 3 ? 62 : 42, length)
  }

  attribute(length: number): void {
    this.#header(124, length)
  }

  double(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#wholeDouble(value)
    else this.#anyDouble(value)
  }

  printedDouble(text: string): void {
    if (this.protocol === 3) this.#line(44, text)
    else this.text(text)
  }

  boolean(value: boolean): void {
    if (this.protocol === 3) this.raw(value ? '#t\r\n' : '#f\r\n')
    else this.#header(58, value ? 1 : 0)
  }

  bigNumber(text: string): void {
    if (this.protocol === 3) this.#line(40, text)
    else this.text(text)
  }

  verbatim(latin1: string, format = 'txt'): void {
    if (this.protocol === 2) {
      this.text(latin1)
      return
    }
    const length = latin1.length + 4
    if (this.#at + length + HEADER_BYTES_MAX > this.#end) this.#room(length + HEADER_BYTES_MAX)
    this.#header(61, length)
    this.#latin1(format.padEnd(3).slice(0, 3))
    this.#latin1(':')
    this.#latin1(latin1)
    this.#newline()
  }

  /** Marks the place of a reply that its receiver, in this process, has as a value already. */
  inProcess(): void {
    this.raw(IN_PROCESS_REPLY)
  }

  /** Writes bytes that are already a reply. */
  raw(latin1: string): void {
    if (this.#at + latin1.length > this.#end) this.#room(latin1.length)
    this.#latin1(latin1)
  }

  /** As `raw`, for bytes that lie elsewhere. */
  rawFrom(source: Source, start: number, length: number): void {
    if (this.#at + length > this.#end) this.#room(length)
    copyBytes(this.#source, this.#at, source, start, length)
    this.#at += length
  }

  #line(type: number, text: string): void {
    if (this.#at + text.length + 3 > this.#end) this.#room(text.length + 3)
    this.#u8[this.#at++] = type
    this.#latin1(text)
    this.#newline()
  }

  #anyDouble(value: number): void {
    if (this.#at + HEADER_BYTES_MAX + DOUBLE_TEXT_BYTES_MAX > this.#end)
      this.#room(HEADER_BYTES_MAX + DOUBLE_TEXT_BYTES_MAX)
    const u8 = this.#u8
    let at = this.#at
    if (this.protocol === 3) {
      u8[at++] = 44
      at += writeDouble(value, u8, at)
    } else {
      // The length comes first. It mostly has two digits; where it has one, the text moves up.
      const length = writeDouble(value, u8, at + 5)
      if (length < 10) u8.copyWithin(at + 4, at + 5, at + 5 + length)
      this.#header(36, length)
      at = this.#at + length
    }
    u8[at++] = 13
    u8[at++] = 10
    this.#at = at
  }

  /** A type byte, a decimal integer, CR LF. */
  #header(type: number, value: number): void {
    if (this.#at + HEADER_BYTES_MAX > this.#end) this.#room(HEADER_BYTES_MAX)
    const u8 = this.#u8
    let at = this.#at
    u8[at++] = type
    if (value >= 0 && value < 10) {
      u8[at++] = 48 + value
    } else if (value >= 10 && value < 100) {
      const tens = (value / 10) | 0
      u8[at++] = 48 + tens
      u8[at++] = 48 + value - tens * 10
    } else if (value >= 100 && value < 1e9) {
      let digits = 3
      for (let bound = 1000; value >= bound; bound *= 10) digits++
      let rest = value | 0
      for (let i = at + digits - 1; i >= at; i--) {
        const quotient = (rest / 10) | 0
        u8[i] = 48 + rest - quotient * 10
        rest = quotient
      }
      at += digits
    } else {
      const text = String(value)
      for (let i = 0; i < text.length; i++) u8[at++] = text.charCodeAt(i)
    }
    u8[at] = 13
    u8[at + 1] = 10
    this.#at = at + 2
  }

  /** Most scores are whole numbers: no string is made of them. */
  #wholeDouble(value: number): void {
    if (this.#at + HEADER_BYTES_MAX > this.#end) this.#room(HEADER_BYTES_MAX)
    const u8 = this.#u8
    let at = this.#at
    if (this.protocol === 3) {
      u8[at++] = 44
      at += writeInteger(value, u8, at)
    } else {
      // The length comes first: it has two digits from ten characters on.
      const long = value >= 1e9 || value <= -1e8
      const length = writeInteger(value, u8, at + (long ? 5 : 4))
      u8[at++] = 36
      if (long) u8[at++] = 49
      u8[at++] = long ? 38 + length : 48 + length
      u8[at++] = 13
      u8[at++] = 10
      at += length
    }
    u8[at++] = 13
    u8[at++] = 10
    this.#at = at
  }

  #latin1(text: string): void {
    const { length } = text
    if (length > 48) {
      writeLatin1(this.#u8, text, this.#at)
      this.#at += length
      return
    }
    const u8 = this.#u8
    let at = this.#at
    for (let i = 0; i < length; i++) u8[at++] = text.charCodeAt(i)
    this.#at = at
  }

  #newline(): void {
    this.#u8[this.#at++] = 13
    this.#u8[this.#at++] = 10
  }

  /**
   * Makes room for `bytes` bytes in one piece: hands over the written bytes and goes on elsewhere.
   */
  #room(bytes: number): void {
    this.mark()
    if (this.#source !== this.#scratch) {
      // A large reply is complete.
      this.#use(this.#scratch, this.#scratchAt)
      if (this.#at + bytes <= this.#end) return
    }
    if (bytes > this.#bytes) {
      this.#scratchAt = this.#at
      const large = spareMemory.take(bytes)
      this.#spend(large)
      this.#use(large, 0)
    } else {
      this.#spend(this.#scratch)
      this.#abandoned = false
      this.#scratch = spareMemory.take(this.#bytes)
      this.#use(this.#scratch, 0)
    }
  }

  /** Notes memory that is to be given back at the end of the turn. */
  #spend(source: Source): void {
    this.#spent.push(source)
    this.#spentBytes += source.bytes
  }

  #discardSpent(): void {
    for (const source of this.#spent) discarded.add(source)
    this.#spent = []
    this.#spentBytes = 0
  }

  /** Where the scratch's unwritten rest begins. */
  #rest(): number {
    return this.#source === this.#scratch ? this.#at : this.#scratchAt
  }

  #use(source: Source, at: number): void {
    this.#source = source
    this.#u8 = source.u8
    this.#end = source.u8.length
    this.#at = at
    this.#start = at
  }
}
