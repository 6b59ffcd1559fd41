// Requests out of bytes: RESP arrays and inline lines, split anywhere.
//
// One parser a client. `feed` takes what one read brought, in a buffer shared by
// all clients, and calls `handler.request` for each whole request with windows
// over that buffer: in the common case (requests whole within a read) nothing is
// copied. What is left over is kept in a buffer of the client's own, together
// with how far the request was understood, so each byte is looked at once
// however small the pieces are.
//
// A big argument (BIG_BULK_BYTES_MIN) that is not yet there gets a buffer of
// exactly its size; further reads fill that, and the command may keep it.
//
//   states   between     no request begun
//            array       '*n' read, `#parsed` of `#expected` arguments known
//            bulk        as array, and '$n' of the next argument read (`#bulkLength` ≥ 0)
//            big         as bulk, filling `#big`
//
// Malformed input throws ProtocolError: its text is Redis's own and the
// connection ends after the reply.

import { Source } from '../util/bytes.ts'
import { Arguments } from './arguments.ts'
import {
  BIG_BULK_BYTES_MIN,
  INLINE_REQUEST_BYTES_MAX,
  QUERY_BUFFER_BYTES_MAX,
  REQUEST_ARGUMENTS_MAX,
  UNAUTHENTICATED_ARGUMENTS_MAX,
  UNAUTHENTICATED_BULK_BYTES_MAX,
} from './limits.ts'

/** What the other side did wrong; `message` follows "Protocol error: " in the reply. */
export class ProtocolError extends Error {}

/** The other side sent more than may wait for it; the connection is dropped without a reply. */
export class QueryBufferOverflow extends Error {}

/** Who receives the requests of one client. */
export interface RequestHandler {
  /** True when parsing must stop before the next request: blocked, paused, closing. */
  readonly halted: boolean
  /** True once the client may send large requests. */
  readonly authenticated: boolean
  /** `proto-max-bulk-len`. */
  readonly bulkBytesMax: number
  request(args: Arguments): void
}

const STAR = 42
const DOLLAR = 36
const CR = 13
const LF = 10

/** `#readLength` found no complete line yet. */
const INCOMPLETE = -2
/** `#readLength` found a line that is no acceptable number. */
const INVALID = -3

/** Arguments that parsers share while a request lies whole in one read. */
const shared = new Arguments()

export class RequestParser {
  /** The arguments being filled: the shared ones, or this client's own while a request is only partly there. */
  #args: Arguments = shared
  #own: Arguments | undefined = undefined
  #expected = -1
  #parsed = 0
  #bulkLength = -1
  /** Bytes carried over, [0, #pendingEnd) of #pending. A partial request always begins at 0. */
  #pending: Source | undefined = undefined
  #pendingEnd = 0
  /** Where parsing goes on; relative to #pending while there is one. */
  #at = 0
  #requestStart = 0
  #big: Source | undefined = undefined
  #bigFilled = 0
  /** Arguments of the current request that own their buffer. */
  #bigArguments: { index: number; source: Source }[] | undefined = undefined

  /** Bytes held for this client (CLIENT LIST's qbuf). */
  get pendingBytes(): number {
    return this.#pendingEnd + this.#bigFilled
  }

  /** Bytes reserved for this client. */
  get reservedBytes(): number {
    return (this.#pending?.u8.length ?? 0) + (this.#big?.u8.length ?? 0)
  }

  /**
   * Takes [start, end) of a read buffer, which the caller may reuse afterwards.
   *
   * Throws ProtocolError or QueryBufferOverflow; the parser is of no use afterwards.
   */
  feed(source: Source, start: number, end: number, handler: RequestHandler): void {
    if (this.#big !== undefined) {
      start += this.#fillBig(source, start, end)
      if (start === end && this.#big !== undefined) return
    }
    if (this.#pending === undefined) {
      this.#at = start
      if (!handler.halted) this.#parse(source, end, handler)
      if (this.#at < end || this.#expected >= 0) this.#carry(source, end)
      return
    }
    this.#append(source, start, end)
    this.resume(handler)
  }

  /** Goes on with what is already here, after a halt. */
  resume(handler: RequestHandler): void {
    if (this.#pending === undefined || this.#big !== undefined || handler.halted) return
    this.#parse(this.#pending, this.#pendingEnd, handler)
    this.#compact()
  }

  /** Forgets everything carried over. */
  reset(): void {
    this.#pending = undefined
    this.#pendingEnd = 0
    this.#at = 0
    this.#big = undefined
    this.#bigFilled = 0
    this.#bigArguments = undefined
    this.#expected = -1
    this.#bulkLength = -1
    this.#args = shared
    this.#own = undefined
  }

  #parse(source: Source, end: number, handler: RequestHandler): void {
    const u8 = source.u8
    // One pass a request.
    while (this.#at < end || this.#expected >= 0) {
      if (this.#expected < 0) {
        if (handler.halted) return
        if (u8[this.#at] !== STAR) {
          if (!this.#parseInline(source, end, handler)) return
          continue
        }
        this.#requestStart = this.#at
        const expected = this.#readLength(u8, this.#at + 1, end)
        if (expected === INCOMPLETE) {
          if (end - this.#at > INLINE_REQUEST_BYTES_MAX) throw new ProtocolError('too big mbulk count string')
          return
        }
        if (expected === INVALID || expected > REQUEST_ARGUMENTS_MAX) {
          throw new ProtocolError('invalid multibulk length')
        }
        if (expected > UNAUTHENTICATED_ARGUMENTS_MAX && !handler.authenticated) {
          throw new ProtocolError('unauthenticated multibulk length')
        }
        this.#at = this.#lineEnd
        if (expected <= 0) continue
        this.#expected = expected
        this.#parsed = 0
        this.#bulkLength = -1
      }
      if (!this.#parseArguments(source, end, handler)) return
      this.#deliver(source, handler)
    }
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
        // Lengths of one or two digits, as nearly all are, read without a loop.
        const first = u8[at + 1]! - 48
        const second = u8[at + 2]! - 48
        if (at + 5 <= end && u8[at] === DOLLAR && first >= 0 && first <= 9) {
          if (second === CR - 48 && u8[at + 3] === LF) {
            bulkLength = first
            at += 4
          } else if (second >= 0 && second <= 9 && u8[at + 3] === CR && u8[at + 4] === LF) {
            bulkLength = first * 10 + second
            at += 5
          }
        }
        if (bulkLength < 0) {
          if (at >= end) {
            whole = false
            break
          }
          if (u8[at] !== DOLLAR) {
            throw new ProtocolError(`expected '$', got '${String.fromCharCode(u8[at]!).replace(/[\r\n]/, ' ')}'`)
          }
          bulkLength = this.#readLength(u8, at + 1, end)
          if (bulkLength === INCOMPLETE) {
            if (end - at > INLINE_REQUEST_BYTES_MAX) throw new ProtocolError('too big bulk count string')
            bulkLength = -1
            whole = false
            break
          }
          if (bulkLength < 0 || bulkLength > handler.bulkBytesMax) throw new ProtocolError('invalid bulk length')
          if (bulkLength > UNAUTHENTICATED_BULK_BYTES_MAX && !handler.authenticated) {
            throw new ProtocolError('unauthenticated bulk length')
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
      args.rawEnd = 0
    }
    this.#expected = -1
    this.#args = shared
    this.#requestStart = this.#at
    handler.request(args)
    if (this.#own !== undefined) {
      this.#own = undefined
    }
  }

  /** Where the line that `#readLength` read ends. */
  #lineEnd = 0

  /** Reads a decimal line; sets #lineEnd. INCOMPLETE without its CR LF, INVALID when it is no number. */
  #readLength(u8: Buffer, start: number, end: number): number {
    let at = start
    let negative = false
    if (at < end && u8[at] === 45) {
      negative = true
      at++
    }
    let value = 0
    const digits = at
    while (at < end) {
      const byte = u8[at]! - 48
      if (byte < 0 || byte > 9) break
      value = value * 10 + byte
      at++
    }
    if (at < end && u8[at] !== CR) {
      // Anything else is wrong, but Redis says so only once the line is whole.
      const cr = u8.indexOf(CR, at)
      if (cr === -1 || cr + 1 >= end) return INCOMPLETE
      this.#lineEnd = cr + 2
      return INVALID
    }
    if (at + 1 >= end) return INCOMPLETE
    this.#lineEnd = at + 2
    if (at === digits || at - digits > 18 || (u8[digits] === 48 && at - digits > 1)) return INVALID
    if (negative) return value === 0 ? INVALID : -1
    return value
  }

  /** Reads one inline request; false when its line is not complete. */
  #parseInline(source: Source, end: number, handler: RequestHandler): boolean {
    const u8 = source.u8
    const start = this.#at
    const newline = u8.indexOf(LF, start)
    if (newline === -1 || newline >= end) {
      if (end - start > INLINE_REQUEST_BYTES_MAX) throw new ProtocolError('too big inline request')
      return false
    }
    const lineEnd = newline > start && u8[newline - 1] === CR ? newline - 1 : newline
    const words = splitInline(u8.toString('latin1', start, lineEnd))
    if (words === undefined) throw new ProtocolError('unbalanced quotes in request')
    this.#at = newline + 1
    if (words.length === 0) return true
    const args = this.#args
    args.assign(words)
    handler.request(args)
    return true
  }

  /** Moves what is left of a read into a buffer of this client's own. */
  #carry(source: Source, end: number): void {
    const from = this.#expected >= 0 ? this.#requestStart : this.#at
    this.#own = new Arguments()
    if (this.#expected >= 0) {
      for (let i = 0; i < this.#parsed; i++) {
        const window = shared.bytes(i)
        this.#own.window(i).set(source, window.start - from, window.length)
      }
    }
    this.#args = this.#own
    const length = end - from
    this.#pending = Source.allocate(Math.max(1024, length * 2))
    source.u8.copy(this.#pending.u8, 0, from, end)
    this.#pendingEnd = length
    this.#at -= from
    this.#requestStart = 0
    this.#beginBig()
  }

  #append(source: Source, start: number, end: number): void {
    const needed = this.#pendingEnd + end - start
    if (needed > QUERY_BUFFER_BYTES_MAX) throw new QueryBufferOverflow()
    let pending = this.#pending!
    if (needed > pending.u8.length) {
      const grown = Source.allocate(Math.max(needed, pending.u8.length * 2))
      pending.u8.copy(grown.u8, 0, 0, this.#pendingEnd)
      pending = grown
      this.#pending = grown
    }
    source.u8.copy(pending.u8, this.#pendingEnd, start, end)
    this.#pendingEnd = needed
  }

  /** After parsing from #pending: drops what was used and goes back to sharing when nothing is left. */
  #compact(): void {
    if (this.#expected < 0 && this.#at === this.#pendingEnd) {
      this.#pending = undefined
      this.#pendingEnd = 0
      this.#at = 0
      this.#args = shared
      this.#own = undefined
      return
    }
    const from = this.#expected >= 0 ? this.#requestStart : this.#at
    if (this.#args === shared) {
      this.#own = new Arguments()
      if (this.#expected >= 0) {
        for (let i = 0; i < this.#parsed; i++) {
          const window = shared.bytes(i)
          this.#own.window(i).set(this.#pending!, window.start, window.length)
        }
      }
      this.#args = this.#own
    }
    if (from > 0) {
      if (this.#expected >= 0) for (let i = 0; i < this.#parsed; i++) this.#args.bytes(i).start -= from
      this.#pending!.u8.copyWithin(0, from, this.#pendingEnd)
      this.#pendingEnd -= from
      this.#at -= from
      this.#requestStart = 0
    }
    this.#beginBig()
  }

  /** When the next argument is big and not here yet, moves its beginning into a buffer of its own. */
  #beginBig(): void {
    if (this.#expected < 0 || this.#bulkLength < BIG_BULK_BYTES_MIN) return
    const big = Source.allocate(this.#bulkLength + 2)
    const have = this.#pendingEnd - this.#at
    this.#pending!.u8.copy(big.u8, 0, this.#at, this.#pendingEnd)
    this.#pendingEnd = this.#at
    this.#big = big
    this.#bigFilled = have
  }

  /** Fills #big; returns how many bytes it took. */
  #fillBig(source: Source, start: number, end: number): number {
    const big = this.#big!
    const taken = Math.min(end - start, big.u8.length - this.#bigFilled)
    source.u8.copy(big.u8, this.#bigFilled, start, start + taken)
    this.#bigFilled += taken
    if (this.#bigFilled === big.u8.length) {
      this.#bigArguments ??= []
      this.#bigArguments.push({ index: this.#parsed, source: big })
      this.#args.window(this.#parsed).set(big, 0, big.u8.length - 2)
      this.#parsed++
      this.#bulkLength = -1
      this.#big = undefined
      this.#bigFilled = 0
    }
    return taken
  }
}

/** Splits a line as Redis's sdssplitargs does: blanks, 'single' and "double" quotes with escapes. undefined when unbalanced. */
export function splitInline(line: string): string[] | undefined {
  const words: string[] = []
  let i = 0
  while (true) {
    while (i < line.length && isBlank(line.charCodeAt(i))) i++
    if (i >= line.length) return words
    let word = ''
    let quote = ''
    while (true) {
      const char = i < line.length ? line[i]! : ''
      if (quote === '"') {
        if (char === '') return undefined
        if (char === '\\' && /^x[0-9a-fA-F]{2}$/.test(line.slice(i + 1, i + 4))) {
          word += String.fromCharCode(Number.parseInt(line.slice(i + 2, i + 4), 16))
          i += 4
          continue
        }
        if (char === '\\' && i + 1 < line.length) {
          word += ESCAPES[line[i + 1]!] ?? line[i + 1]!
          i += 2
          continue
        }
        if (char === '"') {
          if (i + 1 < line.length && !isBlank(line.charCodeAt(i + 1))) return undefined
          i++
          break
        }
        word += char
      } else if (quote === "'") {
        if (char === '') return undefined
        if (char === '\\' && line[i + 1] === "'") {
          word += "'"
          i += 2
          continue
        }
        if (char === "'") {
          if (i + 1 < line.length && !isBlank(line.charCodeAt(i + 1))) return undefined
          i++
          break
        }
        word += char
      } else {
        if (char === '' || isBlank(char.charCodeAt(0)) || char === '\0') {
          if (char !== '') i++
          break
        }
        if (char === '"' || char === "'") quote = char
        else word += char
      }
      i++
    }
    words.push(word)
  }
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}
