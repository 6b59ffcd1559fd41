// Cuts Lua source, one byte a character, into tokens. Errors are in Lua 5.1's words, including the
// text after `near`.
//
// One regular expression cuts the source into pieces: tokens, comments and line ends, without
// blanks. A script is compiled once, by code that V8 has not optimised yet; regular expressions are
// several times faster then than a loop over characters. Malformed source is a piece as well (a
// string without its end, a long bracket up to the end of the source). Its error is raised at its
// turn.

import { itemAt } from '../../../util/array-reads.ts'
import { LuaError } from '../errors.ts'
import { meter } from '../script-meter.ts'
import { stringToNumber } from '../value.ts'

export const NAME = '<name>'
export const STRING = '<string>'
export const NUMBER = '<number>'
export const END_OF_SOURCE = '<eof>'

const NAME_PIECE = '[A-Za-z_][A-Za-z0-9_]*'
const LINE_END = '\\r\\n|\\n\\r|[\\r\\n]'
/** A long bracket up to its end, or to the end of the source. */
const longBracket = (group: number): string => `\\[(=*)\\[(?:[^]*?\\]\\${group}\\]|[^]*)`
// Plain characters have a loop without alternatives. In a loop with alternatives V8 remembers each
// round, and a long string would have too many rounds.
const shortString = (quote: string): string =>
  `${quote}[^${quote}\\\\\\r\\n]*(?:\\\\(?:\\r\\n|\\n\\r|[^])[^${quote}\\\\\\r\\n]*)*${quote}?`
const NUMBER_PIECE = '\\.?\\d[\\d.]*(?:[eE][+-]?)?\\w*'

const PIECES = new RegExp(
  [
    NAME_PIECE,
    LINE_END,
    `--(?:${longBracket(1)}|[^\\r\\n]*)`,
    shortString('"'),
    shortString("'"),
    NUMBER_PIECE,
    '[=~<>]=',
    '\\.\\.\\.?',
    longBracket(2),
    '\\[=+',
    '[^ \\t\\v\\f]',
  ].join('|'),
  'g',
)

/** Sources up to this length are cut at once; larger ones only as far as needed. */
const CUT_AT_ONCE_MAX = 256 * 1024

/**
 * Longest source, and most pieces of one. No client is served while one long string is read and
 * written: a third of a second for the longest one full of line ends. More pieces would give more
 * JavaScript than is compiled (see `statements.ts`).
 */
const SOURCE_LENGTH_MAX = 4 * 1024 * 1024
const PIECES_MAX = 500_000
const TOO_LARGE = 'function or expression too complex'

/**
 * Pieces of large sources that are counted together, and the steps and bytes for each, including
 * its tree and its code.
 */
const PIECES_COUNTED = 256
const PIECE_STEPS = 20
const PIECE_BYTES = 400
/** Bytes of an escape sequence until its string is joined. */
const ESCAPE_BYTES = 64

/** Reserved words, and the symbols that their first character does not tell. */
const FIXED = new Map(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while . .. ... [ -'
    .split(' ')
    .map((token) => [token, token]),
)

const NEWLINE = 10
const RETURN = 13
const DOUBLE_QUOTE = 34
const SINGLE_QUOTE = 39
const MINUS = 45
const DOT = 46
const OPEN = 91
const BACKSLASH = 92

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

// Classes of a piece's first character.
const OTHER = 0
const DIGIT = 1
const LETTER = 2
const SPECIAL = 3
const CLASSES = Uint8Array.from({ length: 256 }, (_, code) => classOf(String.fromCharCode(code)))

function classOf(character: string): number {
  if (/[0-9]/.test(character)) return DIGIT
  if (/[A-Za-z_]/.test(character)) return LETTER
  return '\r\n"\'-.['.includes(character) ? SPECIAL : OTHER
}

export class Lexer {
  readonly source: string
  /** The chunk's name as messages show it. */
  readonly chunk: string
  /** The current token: a reserved word or symbol as itself, or one of the four kinds above. */
  token = ''
  /** Text of a name, bytes of a string. */
  text = ''
  number = 0
  /** Line on which the current token ends. */
  line = 1
  /** Line on which the previous token ended. */
  lastLine = 1
  readonly #pieces: string[]
  /** The next piece, counted from 0. */
  #at = 0
  /** Where cutting continues; -1 when the whole source is cut. */
  #uncut: number
  /** The text that an error at the current string or number token quotes. */
  #quoted = ''

  constructor(source: string, chunk: string) {
    this.source = source
    this.chunk = chunk
    if (source.length > SOURCE_LENGTH_MAX) this.failPlainly(TOO_LARGE)
    const atOnce = source.length <= CUT_AT_ONCE_MAX
    this.#pieces = atOnce ? (source.match(PIECES) ?? []) : []
    this.#uncut = atOnce ? -1 : 0
    if (atOnce) count(this.#pieces.length)
  }

  /** Throws an error at the current token. */
  fail(message: string): never {
    // Lua takes a zero byte for no token at all.
    if (this.token === '\0') this.failPlainly(message)
    this.#failNear(message, this.#near(this.token))
  }

  /** Throws an error that quotes nothing. */
  failPlainly(message: string): never {
    throw new LuaError(`${this.chunk}:${this.line}: ${message}`)
  }

  #failNear(message: string, near: string): never {
    // The quoted text is a C string: it ends at a zero byte.
    const zero = near.indexOf('\0')
    throw new LuaError(`${this.chunk}:${this.line}: ${message} near '${zero < 0 ? near : near.slice(0, zero)}'`)
  }

  #near(token: string): string {
    if (token === NAME) return this.text
    if (token === STRING || token === NUMBER) return this.#quoted
    const code = token.charCodeAt(0)
    return code < 32 || code === 127 ? `char(${code})` : token
  }

  /** Whether the token after the current name is `=`; consumes nothing. */
  followedByEquals(): boolean {
    for (let i = this.#at; ; i++) {
      const piece = this.#piece(i)
      if (piece === undefined) return false
      const code = piece.charCodeAt(0)
      const isBlank = code === NEWLINE || code === RETURN || (code === MINUS && piece.charCodeAt(1) === MINUS)
      if (!isBlank) return piece === '='
    }
  }

  /** A piece by number, undefined beyond the last. */
  #piece(number: number): string | undefined {
    const pieces = this.#pieces
    while (this.#uncut >= 0 && number >= pieces.length) {
      PIECES.lastIndex = this.#uncut
      const found = PIECES.exec(this.source)
      this.#uncut = found === null ? -1 : PIECES.lastIndex
      if (found === null) break
      if (pieces.push(found[0]) % PIECES_COUNTED === 0) count(PIECES_COUNTED)
      if (pieces.length > PIECES_MAX) this.failPlainly(TOO_LARGE)
      meter.spendOn(found[0])
    }
    return pieces[number]
  }

  next(): void {
    this.lastLine = this.line
    const pieces = this.#pieces
    for (;;) {
      const at = this.#at++
      const piece = at < pieces.length ? itemAt(pieces, at) : this.#piece(at)
      if (piece === undefined) {
        this.token = END_OF_SOURCE
        return
      }
      const kind = CLASSES[piece.charCodeAt(0)]
      if (kind === OTHER) {
        this.token = piece
        return
      }
      const fixed = FIXED.get(piece)
      if (fixed !== undefined) {
        this.token = fixed
        return
      }
      if (kind === LETTER) {
        this.token = NAME
        this.text = piece
        return
      }
      if (kind === DIGIT) {
        this.#readNumber(piece)
        return
      }
      if (this.#readSpecial(piece)) return
    }
  }

  /** Reads a piece that is more than a word, number or symbol; returns false for a blank one. */
  #readSpecial(piece: string): boolean {
    const code = piece.charCodeAt(0)
    switch (code) {
      case NEWLINE:
      case RETURN:
        this.line++
        return false
      case MINUS:
        if (piece.charCodeAt(2) === OPEN && /^--\[=*\[/.test(piece)) this.#readLong(piece, 2, 'comment')
        return false
      case DOUBLE_QUOTE:
      case SINGLE_QUOTE:
        this.#readString(piece, code)
        return true
      case DOT:
        this.#readNumber(piece)
        return true
      default:
        if (!/^\[=*\[/.test(piece)) this.#failNear('invalid long string delimiter', piece)
        this.#readLong(piece, 0, 'string')
        this.#quoted = piece
        this.token = STRING
        return true
    }
  }

  /** Reads a long bracket that begins at `open` in its piece. */
  #readLong(piece: string, open: number, what: 'string' | 'comment'): void {
    const level = piece.indexOf('[', open + 1) - open - 1
    const close = `]${'='.repeat(level)}]`
    const start = open + level + 2
    const lineEnds = countLineEnds(piece)
    this.line += lineEnds
    const end = piece.length - close.length
    if (end < start || !piece.endsWith(close)) this.#failNear(`unfinished long ${what}`, END_OF_SOURCE)
    if (what === 'comment') return
    const text = piece.slice(start, end)
    // A line end right after the bracket is dropped; the others are one character each.
    this.text = lineEnds === 0 ? text : withoutReturns(text.replace(/^(?:\r\n|\n\r|[\r\n])/, ''))
  }

  #readNumber(piece: string): void {
    this.#quoted = piece
    const value = stringToNumber(piece)
    if (value === undefined) this.#failNear('malformed number', piece)
    this.number = value
    this.token = NUMBER
  }

  #readString(piece: string, quote: number): void {
    const last = piece.length - 1
    this.token = STRING
    if (last > 0 && !piece.includes('\\') && piece.charCodeAt(last) === quote) {
      this.text = piece.slice(1, last)
      this.#quoted = piece
      return
    }
    const open = piece.charAt(0)
    let text = ''
    let from = 1
    let at = 1
    for (; ; at++) {
      if (at > last) {
        const following = this.#piece(this.#at)
        // A backslash at the very end of the source is a piece of its own.
        const isEnd = following === undefined || following === '\\'
        this.#failNear('unfinished string', isEnd ? END_OF_SOURCE : open + text + piece.slice(from))
      }
      const code = piece.charCodeAt(at)
      if (code === quote) break
      if (code !== BACKSLASH) continue
      meter.charge(ESCAPE_BYTES)
      text += piece.slice(from, at++)
      const escaped = piece.charAt(at)
      const lineEnd = /^(?:\r\n|\n\r|[\r\n])/.exec(piece.slice(at, at + 2))
      if (lineEnd !== null) {
        this.line++
        text += '\n'
        at += lineEnd[0].length - 1
      } else if (escaped >= '0' && escaped <= '9') {
        const digits = /^\d{1,3}/.exec(piece.slice(at, at + 3))?.[0] ?? escaped
        if (Number(digits) > 255) this.#failNear('escape sequence too large', open + text)
        text += String.fromCharCode(Number(digits))
        at += digits.length - 1
      } else text += ESCAPES[escaped] ?? escaped
      from = at + 1
    }
    this.text = text + piece.slice(from, at)
    this.#quoted = open + this.text + open
  }
}

function count(pieces: number): void {
  meter.charge(PIECE_BYTES * pieces)
  meter.spend(PIECE_STEPS * pieces)
}

/** Counts line ends, of which CR LF and LF CR are one. */
function countLineEnds(text: string): number {
  let lineEnds = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== NEWLINE && code !== RETURN) continue
    lineEnds++
    if (text.charCodeAt(i + 1) === NEWLINE + RETURN - code) i++
  }
  return lineEnds
}

/** Makes all line ends one LF each. */
function withoutReturns(text: string): string {
  if (!text.includes('\r')) return text
  meter.charge(text.length)
  const bytes = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== NEWLINE && code !== RETURN) bytes[length++] = code
    else {
      bytes[length++] = NEWLINE
      if (text.charCodeAt(i + 1) === NEWLINE + RETURN - code) i++
    }
  }
  return bytes.toString('latin1', 0, length)
}
