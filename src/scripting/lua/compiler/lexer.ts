// Cuts Lua source, one byte a character, into tokens. Errors are in Lua 5.1's words, down to the piece of text after `near`.

import { LuaError } from '../errors.ts'
import { stringToNumber } from '../value.ts'

export const NAME = '<name>'
export const STRING = '<string>'
export const NUMBER = '<number>'
export const END_OF_SOURCE = '<eof>'

const RESERVED = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
)

const NEWLINE = 10
const RETURN = 13
const DOUBLE_QUOTE = 34
const SINGLE_QUOTE = 39
const MINUS = 45
const DOT = 46
const EQUALS = 61
const OPEN = 91
const BACKSLASH = 92
const CLOSE = 93

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

// Bits of a character's class.
const SPACE = 1
const DIGIT = 2
const LETTER = 4
const CLASSES = new Uint8Array(256)
for (const c of ' \t\v\f') CLASSES[c.charCodeAt(0)] = SPACE
for (let c = 48; c <= 57; c++) CLASSES[c] = DIGIT
for (let c = 65; c <= 90; c++) CLASSES[c] = CLASSES[c + 32] = LETTER
CLASSES[95] = LETTER

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
  #at = 0
  readonly #hasReturns: boolean
  /** What an error at the current string or number token quotes. */
  #quoted = ''

  constructor(source: string, chunk: string) {
    this.source = source
    this.#hasReturns = source.includes('\r')
    this.chunk = chunk
  }

  /** Throws an error at the current token. */
  fail(message: string): never {
    // Lua takes a zero byte for no token at all.
    if (this.token === '\0') throw new LuaError(`${this.chunk}:${this.line}: ${message}`)
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
    const { token, text, line, lastLine } = this
    const at = this.#at
    this.next()
    const found = this.token === '='
    this.token = token
    this.text = text
    this.line = line
    this.lastLine = lastLine
    this.#at = at
    return found
  }

  next(): void {
    this.lastLine = this.line
    const source = this.source
    for (;;) {
      const code = source.charCodeAt(this.#at)
      const kind = CLASSES[code]
      if (kind === SPACE) {
        this.#at++
        continue
      }
      if (kind === LETTER) {
        const start = this.#at
        let end = start + 1
        while (CLASSES[source.charCodeAt(end)]! >= DIGIT) end++
        this.#at = end
        const word = source.slice(start, end)
        if (RESERVED.has(word)) this.token = word
        else {
          this.token = NAME
          this.text = word
        }
        return
      }
      if (kind === DIGIT) {
        this.#readNumber()
        return
      }
      if (code === NEWLINE || code === RETURN) {
        this.#newline(code)
        continue
      }
      if (code === MINUS && source.charCodeAt(this.#at + 1) === MINUS) {
        this.#skipComment()
        continue
      }
      if (Number.isNaN(code)) {
        this.token = END_OF_SOURCE
        return
      }
      this.#readSymbol(code)
      return
    }
  }

  /** Steps over a line end of one or two characters (CR LF, LF CR). */
  #newline(code: number): void {
    const second = this.source.charCodeAt(this.#at + 1)
    this.#at += (second === NEWLINE || second === RETURN) && second !== code ? 2 : 1
    this.line++
  }

  #skipComment(): void {
    this.#at += 2
    if (this.source.charCodeAt(this.#at) === OPEN) {
      const level = this.#longBracket()
      if (level >= 0) {
        this.#readLong(level, 'comment')
        return
      }
    }
    // Native searches: comments are a large part of scripts, and this runs before V8 has optimised anything.
    const source = this.source
    const newline = source.indexOf('\n', this.#at)
    let at = newline < 0 ? source.length : newline
    if (this.#hasReturns) {
      const carriage = source.indexOf('\r', this.#at)
      if (carriage >= 0 && carriage < at) at = carriage
    }
    this.#at = at
  }

  /** Number of equals signs of an opening long bracket here, -1 when there is none. */
  #longBracket(): number {
    let at = this.#at + 1
    while (this.source.charCodeAt(at) === EQUALS) at++
    return this.source.charCodeAt(at) === OPEN ? at - this.#at - 1 : -1
  }

  #readLong(level: number, what: 'string' | 'comment'): void {
    const source = this.source
    const start = this.#at
    this.#at += level + 2
    const close = `]${'='.repeat(level)}]`
    const first = source.charCodeAt(this.#at)
    if (first === NEWLINE || first === RETURN) this.#newline(first)
    const end = source.indexOf(close, this.#at)
    const stop = end < 0 ? source.length : end
    let pieces = ''
    let from = this.#at
    while (this.#at < stop) {
      const code = source.charCodeAt(this.#at)
      if (code === NEWLINE || code === RETURN) {
        pieces += `${source.slice(from, this.#at)}\n`
        this.#newline(code)
        from = this.#at
      } else this.#at++
    }
    if (end < 0) this.#failNear(`unfinished long ${what}`, END_OF_SOURCE)
    this.text = pieces + source.slice(from, end)
    this.#at = end + close.length
    if (what === 'string') this.#quoted = source.slice(start, this.#at)
  }

  #readNumber(): void {
    const source = this.source
    const start = this.#at
    let at = start
    while (CLASSES[source.charCodeAt(at)] === DIGIT || source.charCodeAt(at) === DOT) at++
    const exponent = source.charCodeAt(at) | 32
    if (exponent === 101) {
      at++
      const sign = source.charCodeAt(at)
      if (sign === 43 || sign === MINUS) at++
    }
    while (CLASSES[source.charCodeAt(at)]! >= DIGIT) at++
    this.#at = at
    this.#quoted = source.slice(start, at)
    const value = stringToNumber(this.#quoted)
    if (value === undefined) this.#failNear('malformed number', this.#quoted)
    this.number = value
    this.token = NUMBER
  }

  #readString(quote: number): void {
    const source = this.source
    const open = source[this.#at]!
    let at = this.#at + 1
    let from = at
    let text = ''
    for (;;) {
      const code = source.charCodeAt(at)
      if (code === quote) break
      if (Number.isNaN(code)) {
        this.#at = at
        this.#failNear('unfinished string', END_OF_SOURCE)
      }
      if (code === NEWLINE || code === RETURN) {
        this.#failNear('unfinished string', open + text + source.slice(from, at))
      }
      if (code !== BACKSLASH) {
        at++
        continue
      }
      text += source.slice(from, at)
      at++
      const escaped = source[at]
      if (escaped === undefined) continue
      if (escaped === '\n' || escaped === '\r') {
        this.#at = at
        this.#newline(source.charCodeAt(at))
        at = this.#at
        text += '\n'
      } else if (CLASSES[source.charCodeAt(at)] === DIGIT) {
        let value = 0
        for (let i = 0; i < 3 && CLASSES[source.charCodeAt(at)] === DIGIT; i++) {
          value = value * 10 + source.charCodeAt(at++) - 48
        }
        if (value > 255) this.#failNear('escape sequence too large', open + text)
        text += String.fromCharCode(value)
      } else {
        text += ESCAPES[escaped] ?? escaped
        at++
      }
      from = at
    }
    this.#at = at + 1
    this.text = text + source.slice(from, at)
    this.#quoted = open + this.text + open
    this.token = STRING
  }

  #readSymbol(code: number): void {
    const source = this.source
    const second = source.charCodeAt(this.#at + 1)
    let length = 1
    switch (code) {
      case DOUBLE_QUOTE:
      case SINGLE_QUOTE:
        this.#readString(code)
        return
      case OPEN: {
        const level = this.#longBracket()
        if (level >= 0) {
          this.#readLong(level, 'string')
          this.token = STRING
          return
        }
        if (second === EQUALS) {
          const start = this.#at
          this.#at++
          while (source.charCodeAt(this.#at) === EQUALS) this.#at++
          this.#failNear('invalid long string delimiter', source.slice(start, this.#at))
        }
        break
      }
      case DOT:
        if (CLASSES[second] === DIGIT) {
          this.#readNumber()
          return
        }
        if (second === DOT) length = source.charCodeAt(this.#at + 2) === DOT ? 3 : 2
        break
      case EQUALS:
      case 126: // ~
      case 60: // <
      case 62: // >
        if (second === EQUALS) length = 2
        break
      case CLOSE:
        break
    }
    this.token = source.slice(this.#at, this.#at + length)
    this.#at += length
  }
}
