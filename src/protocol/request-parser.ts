// Requests out of bytes: RESP arrays and inline lines, split anywhere.
//
// Each client has a parser. `feed` takes the bytes of one read, in a buffer shared by all clients,
// and calls `handler.request` for each whole request with windows over that buffer: requests that
// lie whole within a read are not copied.
//
// A request that the end of a read cuts is carried over in a buffer of the client's own, together
// with its state, so each byte is looked at once however small the pieces are. The next read
// completes it there, taking no more than it needs, and the bytes that follow are again read in
// place.
//
// A big argument (BIG_BULK_BYTES_MIN) that is not yet there gets a buffer of exactly its size.
// Further reads fill that, and the command may keep it. A transport may read into it at once
// (`gathering`).
//
// Other clients may be served while a request runs (engine/requests/busy-replies.ts). Their parsers
// are fed within this one's feed, and fill arguments of their own.
//
//   states   between     no request begun
//            array       '*n' read, `#parsed` of `#expected` arguments known
//            bulk        as array, and '$n' of the next argument read (`#bulkLength` ≥ 0)
//            big         as bulk, filling `#big`
//
// Malformed input throws ProtocolError: its text is Redis's own, and the connection ends after the
// reply.

import { byteAt, itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { roomFor } from '../util/bytes/announced-size.ts'
import type { Source } from '../util/bytes/bytes.ts'
import { discarded } from '../util/memory/discarded.ts'
import { spareMemory } from '../util/memory/spare-memory.ts'
import { Arguments } from './arguments.ts'
import { readPlainWords, splitInline } from './inline-words.ts'
import {
  BIG_BULK_BYTES_MIN,
  INLINE_REQUEST_BYTES_MAX,
  REQUEST_ARGUMENTS_MAX,
  UNAUTHENTICATED_ARGUMENTS_MAX,
  UNAUTHENTICATED_BULK_BYTES_MAX,
} from './limits.ts'

/** A mistake of the other side; `message` follows "Protocol error: " in the reply. */
export class ProtocolError extends Error {}

/** The other side sent more than may wait for it; the connection is dropped without a reply. */
export class QueryBufferOverflow extends Error {}

/** Receives the requests of one client. */
export interface RequestHandler {
  /** True when parsing must stop before the next request: blocked, paused, closing. */
  readonly halted: boolean
  /** True once the client may send large requests. */
  readonly authenticated: boolean
  /** `proto-max-bulk-len`. */
  readonly bulkBytesMax: number
  /** `client-query-buffer-limit`: bytes that may wait unprocessed for this client. */
  readonly queryBufferBytesMax: number
  request(args: Arguments): void
}

const STAR = 42
const DOLLAR = 36
const MINUS = 45
const CR = 13
const LF = 10

/** `#readLength` found no complete line yet. */
const INCOMPLETE = -2
/** `#readLength` found a line that is no acceptable number. */
const INVALID = -3
/** The smallest integer Redis reads, as digits: it passes for a negative length. */
const INT64_MIN_DIGITS = '9223372036854775808'

/**
 * First part of the next read that a cut request gets when its need is unknown; doubled until it is
 * whole.
 */
const COMPLETION_BYTES_MIN = 64
/** Room for a cut request of the usual kind and its rest. */
const PENDING_BYTES_MIN = 512
/**
 * Argument windows that are kept for the next request; one giant MSET must not pin a million of
 * them.
 */
const WINDOWS_KEPT_MAX = 1024

/**
 * Arguments that parsers share while a request lies whole in one read. Each feed within a feed has
 * others: the outer one's are those of the command that is running.
 */
const sharedArguments = [new Arguments()]
/** The feeds of the process, as the arguments above are. */
const feeds = {
  /** Feeds that are under way, one within the other. */
  depth: 0,
}

export class RequestParser {
  /** The shared arguments of the feed that is under way. */
  #shared: Arguments = itemAt(sharedArguments, 0)
  /**
   * The arguments being filled: the shared ones, or this client's own while a request is only
   * partly there.
   */
  #args: Arguments = this.#shared
  /** True while it is being fed: the request that runs is this client's. */
  #isFed = false
  /** Arguments of the array being read; -1 = between requests. */
  #expected = -1
  #parsed = 0
  #bulkLength = -1
  /** Bytes carried over, [0, #pendingEnd) of #pending. */
  #pending: Source | undefined = undefined
  #pendingEnd = 0
  /** Where parsing goes on; in #pending while there is one. */
  #at = 0
  #requestStart = 0
  #big: Source | undefined = undefined
  #bigFilled = 0
  /** Arguments of the current request that own their buffer, and the sum of their bytes. */
  #bigArguments: { index: number; source: Source }[] | undefined = undefined
  #bigBytes = 0
  /** Where the line that `#readLength` read ends. */
  #lineEnd = 0

  /**
   * True while a request of this client runs, or the next one is read behind it: it must not be
   * fed.
   */
  get isFed(): boolean {
    return this.#isFed
  }

  /** Bytes held for this client (CLIENT LIST's qbuf). */
  get pendingBytes(): number {
    return this.#pendingEnd + this.#bigBytes + this.#bigFilled
  }

  /**
   * A big argument that is under way. Reads may be made into it, from `gatheredBytes` on, and fed
   * from there.
   */
  get gathering(): Source | undefined {
    return this.#big
  }

  /** Bytes of it that are here. */
  get gatheredBytes(): number {
    return this.#bigFilled
  }

  /** Bytes reserved for this client. */
  get reservedBytes(): number {
    return (this.#pending?.u8.length ?? 0) + this.#bigBytes + (this.#big?.u8.length ?? 0)
  }

  /**
   * Takes [start, end) of a read buffer, which the caller may reuse afterwards.
   *
   * Throws ProtocolError or QueryBufferOverflow; then the parser is of no use unless it is reset.
   */
  feed(source: Source, start: number, end: number, handler: RequestHandler): void {
    this.#enter()
    try {
      this.#feed(source, start, end, handler)
    } finally {
      this.#leave()
    }
  }

  /** Goes on with the bytes that are already here, after a halt. */
  resume(handler: RequestHandler): void {
    const pending = this.#pending
    if (pending === undefined || this.#big !== undefined) return
    this.#enter()
    try {
      this.#parse(pending, this.#pendingEnd, handler)
      // A request may reset its own client.
      if (this.#pending !== undefined) this.#compact()
    } finally {
      this.#leave()
    }
  }

  /** Begins a feed, with shared arguments that no feed around it uses. */
  #enter(): void {
    assert(!this.#isFed, 'a parser is not fed while a request of its own runs')
    this.#isFed = true
    if (feeds.depth === sharedArguments.length) sharedArguments.push(new Arguments())
    const shared = itemAt(sharedArguments, feeds.depth++)
    this.#shared = shared
    // The state of a request that was cut is this client's own.
    if (this.#expected < 0) this.#args = shared
  }

  #leave(): void {
    feeds.depth--
    this.#isFed = false
  }

  #feed(source: Source, start: number, end: number, handler: RequestHandler): void {
    if (this.#pending !== undefined) {
      start = this.#complete(source, start, end, handler)
      if (this.#pending !== undefined) return
    }
    this.#at = start
    this.#parse(source, end, handler)
    if (this.#at < end || this.#expected >= 0) this.#carry(source, end)
  }

  /** Forgets everything carried over. */
  reset(): void {
    this.#dropPending()
    this.#big = undefined
    this.#bigFilled = 0
    this.#bigArguments = undefined
    this.#bigBytes = 0
    this.#expected = -1
    this.#bulkLength = -1
    this.#args = this.#shared
  }

  /**
   * Completes a cut request with bytes of a new read. Returns where reading goes on in place.
   *
   * Afterwards #pending is gone, unless all bytes were needed or the handler is halted: then the
   * bytes wait there.
   */
  #complete(source: Source, start: number, end: number, handler: RequestHandler): number {
    let at = start
    let step = COMPLETION_BYTES_MIN
    while (true) {
      if (this.#big !== undefined) {
        at += this.#fillBig(source, at, end, handler)
        if (this.#big !== undefined) return end
      }
      if (handler.halted) step = end - at
      const need = this.#bulkLength >= 0 ? this.#at + this.#bulkLength + 2 - this.#pendingEnd : 0
      const taken = Math.min(end - at, Math.max(need, step))
      this.#append(source, at, at + taken, handler)
      at += taken
      step *= 2
      while (!handler.halted && this.#parseOne(this.#pending!, this.#pendingEnd, handler)) {
        const left = this.#pendingEnd - this.#at
        // The bytes that are left came with this read: it goes on there.
        if (left <= at - start) {
          this.#dropPending()
          return at - left
        }
      }
      if (at === end) {
        this.#compact()
        return end
      }
      if (this.#isBig(this.#pendingEnd)) this.#takeBig()
    }
  }

  #parse(source: Source, end: number, handler: RequestHandler): void {
    while ((this.#at < end || this.#expected >= 0) && !handler.halted && this.#parseOne(source, end, handler));
  }

  /** Reads on, up to the end of one request, and delivers it; false when more bytes are needed. */
  #parseOne(source: Source, end: number, handler: RequestHandler): boolean {
    if (this.#expected < 0) {
      const { u8 } = source
      if (this.#at >= end) return false
      if (u8[this.#at] !== STAR) return this.#parseInline(source, end, handler)
      const start = this.#at
      this.#requestStart = start
      let expected: number
      // Up to nine arguments, as nearly all requests have, are read without a loop: PING costs 6 %
      // less.
      if (
        start + 4 <= end &&
        u8[start + 2] === CR &&
        u8[start + 3] === LF &&
        byteAt(u8, start + 1) > 48 &&
        byteAt(u8, start + 1) < 58
      ) {
        expected = byteAt(u8, start + 1) - 48
        this.#lineEnd = start + 4
      } else {
        expected = this.#readLength(u8, start + 1, end)
      }
      if (expected === INCOMPLETE) {
        if (end - this.#at > INLINE_REQUEST_BYTES_MAX) throw new ProtocolError('too big mbulk count string')
        return false
      }
      if (expected === INVALID || expected > REQUEST_ARGUMENTS_MAX) {
        throw new ProtocolError('invalid multibulk length')
      }
      if (expected > UNAUTHENTICATED_ARGUMENTS_MAX && !handler.authenticated) {
        throw new ProtocolError('unauthenticated multibulk length')
      }
      this.#at = this.#lineEnd
      if (expected <= 0) return true
      this.#expected = expected
      this.#parsed = 0
      this.#bulkLength = -1
    }
    if (!this.#parseArguments(source, end, handler)) return false
    this.#deliver(source, handler)
    return true
  }

  /** Reads the arguments of the current array; false when more bytes are needed. */
  #parseArguments(source: Source, end: number, handler: RequestHandler): boolean {
    const u8 = source.u8
    const args = this.#args
    const expected = this.#expected
    let at = this.#at
    let parsed = this.#parsed
    let bulkLength = this.#bulkLength
    let whole = true
    while (parsed < expected) {
      if (bulkLength < 0) {
        // Lengths of one or two digits, as nearly all are, are read without a loop.
        if (at + 5 <= end && u8[at] === DOLLAR) {
          const first = byteAt(u8, at + 1) - 48
          const second = byteAt(u8, at + 2) - 48
          if (first >= 0 && first <= 9) {
            if (second === CR - 48 && u8[at + 3] === LF) {
              bulkLength = first
              at += 4
            } else if (first > 0 && second >= 0 && second <= 9 && u8[at + 3] === CR && u8[at + 4] === LF) {
              bulkLength = first * 10 + second
              at += 5
            }
          }
        }
        if (bulkLength < 0) {
          bulkLength = this.#readBulkLength(u8, at, end, handler)
          if (bulkLength === INCOMPLETE) {
            bulkLength = -1
            whole = false
            break
          }
          at = this.#lineEnd
        }
      }
      if (at + bulkLength + 2 > end) {
        whole = false
        break
      }
      const window = args.window(parsed)
      window.start = at
      window.length = bulkLength
      window.hash = 0
      at += bulkLength + 2
      bulkLength = -1
      parsed++
    }
    this.#at = at
    this.#parsed = parsed
    this.#bulkLength = bulkLength
    return whole
  }

  #deliver(source: Source, handler: RequestHandler): void {
    const args = this.#args
    const length = this.#expected
    for (let i = 0; i < length; i++) args.window(i).source = source
    args.length = length
    if (this.#bigArguments === undefined) {
      args.rawSource = source
      args.rawStart = this.#requestStart
      args.rawEnd = this.#at
    } else {
      for (const { index, source: own } of this.#bigArguments) args.bytes(index).set(own, 0, own.u8.length - 2)
      this.#bigArguments = undefined
      this.#bigBytes = 0
      args.rawEnd = 0
    }
    this.#expected = -1
    this.#args = this.#shared
    handler.request(args)
    if (length > WINDOWS_KEPT_MAX) args.release()
  }

  /** Reads '$n' and its CR LF; sets #lineEnd. INCOMPLETE when the line is not there yet. */
  #readBulkLength(u8: Buffer, at: number, end: number, handler: RequestHandler): number {
    const length = at < end && u8[at] !== 0 ? this.#readLength(u8, at + 1, end) : INCOMPLETE
    if (length === INCOMPLETE) {
      // Even a missing '$' is no mistake before the line is whole or too long ever to be.
      if (end - at > INLINE_REQUEST_BYTES_MAX && lineBreak(u8, at, end) === -1) {
        throw new ProtocolError('too big bulk count string')
      }
      if (at + 1 >= end || u8[at] !== CR) return INCOMPLETE
    }
    if (u8[at] !== DOLLAR) throw new ProtocolError(`expected '$', got '${String.fromCharCode(byteAt(u8, at))}'`)
    if (length < 0 || length > handler.bulkBytesMax) throw new ProtocolError('invalid bulk length')
    if (length > UNAUTHENTICATED_BULK_BYTES_MAX && !handler.authenticated) {
      throw new ProtocolError('unauthenticated bulk length')
    }
    return length
  }

  /**
   * Reads a decimal line; sets #lineEnd. INCOMPLETE without its CR LF, INVALID when it is no
   * number, -1 for every negative number.
   */
  #readLength(u8: Buffer, start: number, end: number): number {
    const negative = start < end && u8[start] === MINUS
    const digits = negative ? start + 1 : start
    let at = digits
    let value = 0
    while (at < end) {
      const byte = byteAt(u8, at) - 48
      if (byte < 0 || byte > 9) break
      value = value * 10 + byte
      at++
    }
    if (at < end && u8[at] !== CR) {
      // Any other byte is wrong, but Redis says so only once the line is whole.
      const cr = lineBreak(u8, at, end)
      if (cr === -1 || cr + 1 >= end) return INCOMPLETE
      this.#lineEnd = cr + 2
      return INVALID
    }
    // Any byte after the CR is taken for the LF, as in Redis.
    if (at + 1 >= end) return INCOMPLETE
    this.#lineEnd = at + 2
    const count = at - digits
    if (count === 0 || (u8[digits] === 48 && (count > 1 || negative))) return INVALID
    if (!negative) return count > 18 ? INVALID : value
    if (count < 19) return -1
    return count === 19 && u8.toString('latin1', digits, at) <= INT64_MIN_DIGITS ? -1 : INVALID
  }

  /** Reads one inline request; false when its line is not complete. */
  #parseInline(source: Source, end: number, handler: RequestHandler): boolean {
    const { u8 } = source
    const start = this.#at
    const newline = indexBefore(u8, LF, start, end)
    if (newline === -1 || newline - start > INLINE_REQUEST_BYTES_MAX) {
      if (end - start > INLINE_REQUEST_BYTES_MAX) throw new ProtocolError('too big inline request')
      return false
    }
    const lineEnd = newline > start && u8[newline - 1] === CR ? newline - 1 : newline
    const args = this.#args
    if (!readPlainWords(args, source, start, lineEnd)) {
      const words = splitInline(u8.toString('latin1', start, lineEnd))
      if (words === undefined) throw new ProtocolError('unbalanced quotes in request')
      args.assign(words)
    }
    this.#at = newline + 1
    if (args.length === 0) return true
    const { length } = args
    this.#args = this.#shared
    handler.request(args)
    if (length > WINDOWS_KEPT_MAX) args.release()
    return true
  }

  /** Moves the rest of a read into a buffer of this client's own. */
  #carry(source: Source, end: number): void {
    const from = this.#expected >= 0 ? this.#requestStart : this.#at
    if (this.#expected >= 0) this.#takeArguments(from)
    this.#at -= from
    this.#requestStart = 0
    // Of a big argument only the bytes before it are carried: the rest goes to the argument's own
    // buffer.
    const isBig = this.#isBig(end - from)
    const length = isBig ? this.#at : end - from
    this.#pending = spareMemory.take(Math.max(PENDING_BYTES_MIN, length * 2))
    source.u8.copy(this.#pending.u8, 0, from, from + length)
    this.#pendingEnd = length
    if (isBig) this.#beginBig(source, from + length, end)
  }

  #append(source: Source, start: number, end: number, handler: RequestHandler): void {
    const needed = this.#pendingEnd + end - start
    if (needed + this.#bigBytes > handler.queryBufferBytesMax) throw new QueryBufferOverflow()
    let pending = this.#pending!
    if (needed > pending.u8.length) {
      const grown = spareMemory.take(Math.max(needed, pending.u8.length * 2))
      pending.u8.copy(grown.u8, 0, 0, this.#pendingEnd)
      discarded.add(pending)
      pending = grown
      this.#pending = grown
    }
    source.u8.copy(pending.u8, this.#pendingEnd, start, end)
    this.#pendingEnd = needed
  }

  /** Drops the used bytes, after parsing from #pending. */
  #compact(): void {
    if (this.#expected < 0 && this.#at === this.#pendingEnd) {
      this.#dropPending()
      return
    }
    const from = this.#expected >= 0 ? this.#requestStart : this.#at
    if (this.#expected >= 0) this.#takeArguments(from)
    if (from > 0) {
      this.#pending!.u8.copyWithin(0, from, this.#pendingEnd)
      this.#pendingEnd -= from
      this.#at -= from
      this.#requestStart = 0
    }
    if (this.#isBig(this.#pendingEnd)) this.#takeBig()
  }

  /**
   * Takes the arguments known so far out of the shared ones; the request's bytes move to the front
   * by `from`.
   */
  #takeArguments(from: number): void {
    const shared = this.#shared
    if (this.#args !== shared) return
    const own = new Arguments()
    for (let i = 0; i < this.#parsed; i++) {
      const window = shared.bytes(i)
      own.window(i).set(window.source, window.start - from, window.length)
    }
    this.#args = own
  }

  #dropPending(): void {
    if (this.#pending !== undefined) discarded.add(this.#pending)
    this.#pending = undefined
    this.#pendingEnd = 0
    this.#at = 0
  }

  /** True when the next argument is big and does not end before `end`. */
  #isBig(end: number): boolean {
    return this.#expected >= 0 && this.#bulkLength >= BIG_BULK_BYTES_MIN && end - this.#at < this.#bulkLength + 2
  }

  /**
   * Moves the beginning of a big argument, which is at the end of #pending, into a buffer of its
   * own. Other clients are served before the argument is whole.
   */
  #takeBig(): void {
    this.#takeArguments(0)
    this.#beginBig(this.#pending!, this.#at, this.#pendingEnd)
    this.#pendingEnd = this.#at
  }

  /** Begins to gather a big argument, of which [start, end) of a source is here. */
  #beginBig(source: Source, start: number, end: number): void {
    assert(this.#args !== this.#shared, 'what is known of a request under way is its own')
    const big = spareMemory.take(roomFor(this.#bulkLength + 2, end - start))
    this.#bigFilled = source.u8.copy(big.u8, 0, start, end)
    this.#big = big
  }

  /** Fills #big; returns how many bytes it took. */
  #fillBig(source: Source, start: number, end: number, handler: RequestHandler): number {
    const whole = this.#bulkLength + 2
    const taken = Math.min(end - start, whole - this.#bigFilled)
    const filled = this.#bigFilled + taken
    if (this.pendingBytes + taken > handler.queryBufferBytesMax) throw new QueryBufferOverflow()
    let big = this.#big!
    if (filled > big.u8.length) {
      const grown = spareMemory.take(roomFor(whole, filled))
      big.u8.copy(grown.u8, 0, 0, this.#bigFilled)
      discarded.add(big)
      big = grown
      this.#big = grown
    }
    // Unless it was read there.
    if (source !== big) source.u8.copy(big.u8, this.#bigFilled, start, start + taken)
    this.#bigFilled = filled
    if (filled === whole) {
      this.#bigArguments ??= []
      this.#bigArguments.push({ index: this.#parsed, source: big })
      this.#bigBytes += big.u8.length
      this.#args.window(this.#parsed).set(big, 0, big.u8.length - 2)
      this.#parsed++
      this.#bulkLength = -1
      this.#big = undefined
      this.#bigFilled = 0
    }
    return taken
  }
}

/**
 * Finds the CR that ends a line before `end`; -1 when there is none. A NUL hides the bytes behind
 * it, as in Redis.
 */
function lineBreak(u8: Buffer, start: number, end: number): number {
  return indexBefore(u8, CR, start, end)
}

/** Finds a byte in [start, end) with no NUL before it; -1 when there is none. */
function indexBefore(u8: Buffer, byte: number, start: number, end: number): number {
  // A short line is searched by hand: `indexOf` would look through the rest of a shared buffer.
  const near = Math.min(end, start + 256)
  for (let at = start; at < near; at++) {
    if (u8[at] === byte) return at
    if (u8[at] === 0) return -1
  }
  if (near === end) return -1
  const rest = u8.subarray(near, end)
  const found = rest.indexOf(byte)
  if (found === -1) return -1
  const nul = rest.indexOf(0)
  return nul !== -1 && nul < found ? -1 : near + found
}
