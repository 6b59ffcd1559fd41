// Lua 5.1's patterns: compiled into a row of items, then matched by one flat loop.
//
// A pattern has no alternatives, so a match walks its items from left to right. The only choice is
// how many characters a quantified item takes:
//
//   a b* %b() ( )   →   ONE  MAX  BALANCE  OPEN  CLOSE  END
//
// Each quantifier has at most one open choice, on a stack of its own (never JavaScript's), so no
// pattern can overflow the stack, however long or nested. Captures need no undoing when a choice is
// taken back, because the way forward passes every later parenthesis and writes it again.
//
// A fault in a pattern is an item too (FAULT): Lua raises its error only when a match arrives
// there, so `string.find('a', 'b[')` is simply nil. A NUL ends the pattern, as everywhere in Lua
// 5.1.

import { itemAt, numberAt } from '../../../util/array-reads.ts'
import { runtimeError } from '../errors.ts'
import { indexOfLong } from '../long-text.ts'
import { meter } from '../script-meter.ts'

/** Most captures of one pattern. */
const CAPTURES_MAX = 32
/**
 * Compiled patterns kept. All are dropped when the cache is full, because scripts use few and
 * seldom generate them.
 */
const CACHED_PATTERNS_MAX = 500
/** Effort between two reports to the meter, so that an expensive pattern can be interrupted. */
const EFFORT_PER_REPORT = 1024
/** Items matched in a row per step; powers of two here and below. */
const ITEMS_PER_STEP_BITS = 3
/** Characters walked per step. */
const CHARACTERS_PER_STEP_BITS = 4
/** Bytes of a pattern's item, without its set. */
const ITEM_BYTES = 64
/** Longer patterns are compiled again each time, because a cache would keep their text. */
const CACHED_PATTERN_LENGTH_MAX = 200

const END = 0
const ONE = 1
const MAX = 2
const MIN = 3
const OPTIONAL = 4
const OPEN = 5
const CLOSE = 6
const BALANCE = 7
const FRONTIER = 8
const BACK_REFERENCE = 9
const SUBJECT_END = 10
const FAULT = 11

/** For each byte 1 when it belongs to the set, else 0. */
type ByteSet = Uint8Array<ArrayBuffer>

/** One step of a pattern. */
interface Item {
  readonly kind: number
  /**
   * ONE … OPTIONAL: the character, -1 when `set` decides; OPEN, CLOSE, BACK_REFERENCE: the capture;
   * BALANCE: the opener.
   */
  readonly value: number
  /** MAX: the fewest repetitions; OPEN: 1 for a position; BALANCE: the closer. */
  readonly extra: number
  readonly set: ByteSet
  /** FAULT: Lua's message. */
  readonly message: string
}

/** A compiled pattern. */
export interface Pattern {
  readonly items: readonly Item[]
  /** True when it began with `^`: only the first position is tried. */
  readonly anchored: boolean
  /** Number of captures that it opens. */
  readonly captures: number
  /** Characters that every match begins with. They are found by indexOf before matching. */
  readonly prefix: string
  /** True when the prefix is the whole pattern. */
  readonly literal: boolean
  /**
   * True when no character has a special meaning. string.find then searches for the text itself,
   * also beyond a NUL.
   */
  readonly plain: boolean
}

const NO_SET = new Uint8Array(0)
const UNFINISHED = -1
const POSITION = -2

// The captures of the last match. A match calls no other code, and callers read them at once.
const captureStarts = new Int32Array(CAPTURES_MAX)
const captureLengths = new Int32Array(CAPTURES_MAX)
/** The matcher's own room, as the captures above: nothing calls out while a match runs. */
const matching = {
  /** Open choices: item, position, and for MAX the repetitions still to be tried. */
  choices: new Int32Array(3 * 64),
  /** Steps taken and not reported yet, over all matches. */
  effort: 0,
}

const anchorable = new Map<string, Pattern>()
const literalCaret = new Map<string, Pattern>()

/** Compiles a pattern; `caret` says whether a leading `^` anchors (gmatch takes it literally). */
export function compilePattern(text: string, caret: 'anchors' | 'is-literal'): Pattern {
  const cache = caret === 'anchors' ? anchorable : literalCaret
  const known = cache.get(text)
  if (known !== undefined) return known
  const pattern = new PatternCompiler(text, caret === 'anchors').compile()
  if (text.length <= CACHED_PATTERN_LENGTH_MAX) {
    if (cache.size >= CACHED_PATTERNS_MAX) cache.clear()
    cache.set(text, pattern)
  }
  return pattern
}

/** Tells whether no character of a text has a special meaning in patterns. */
export function isPlain(text: string): boolean {
  return !/[$^*+?.([%-]/.test(text)
}

/**
 * Returns where the first match at or after `from` begins, -1 for none. Its end is then {@link
 * lastMatchEnd}.
 */
export function search(pattern: Pattern, subject: string, from: number): number {
  if (pattern.anchored) {
    lastMatch.end = matchAt(pattern, subject, from)
    return lastMatch.end < 0 ? -1 : from
  }
  const { prefix } = pattern
  if (prefix.length > 0) {
    for (let at = indexOfLong(subject, prefix, from); at >= 0; at = indexOfLong(subject, prefix, at + 1)) {
      lastMatch.end = pattern.literal ? at + prefix.length : matchAt(pattern, subject, at)
      if (lastMatch.end >= 0) return at
    }
    return -1
  }
  for (let at = from; at <= subject.length; at++) {
    lastMatch.end = matchAt(pattern, subject, at)
    if (lastMatch.end >= 0) return at
  }
  return -1
}

/** The second result of {@link search}. Callers read it at once. */
export const lastMatch = {
  /** The end of the last match. */
  end: -1,
}

/** Returns the number of values of a match: its captures, or the whole match when it has none. */
export function resultCount(pattern: Pattern): number {
  return pattern.captures === 0 ? 1 : pattern.captures
}

/**
 * Returns a capture of the last match (0 is the first; the whole match when the pattern has none).
 */
export function capture(pattern: Pattern, index: number, subject: string, start: number, end: number): string | number {
  if (index >= pattern.captures) {
    if (index === 0) return subject.substring(start, end)
    runtimeError('invalid capture index')
  }
  const length = numberAt(captureLengths, index)
  const from = numberAt(captureStarts, index)
  if (length === UNFINISHED) runtimeError('unfinished capture')
  return length === POSITION ? from + 1 : subject.substring(from, from + length)
}

/** Matches at one position; returns the end, or -1. Captures are left in the module's arrays. */
export function matchAt(pattern: Pattern, subject: string, start: number): number {
  const { items } = pattern
  const { length } = subject
  let i = 0
  /** Start of the current row of items that matched without backtracking. */
  let walkedFrom = 0
  let at = start
  let top = 0
  for (;;) {
    const item = itemAt(items, i)
    let matched = true
    switch (item.kind) {
      case END:
        matching.effort += (i - walkedFrom) >> ITEMS_PER_STEP_BITS
        if (matching.effort >= EFFORT_PER_REPORT) reportEffort()
        return at
      case ONE: {
        matched = at < length && belongs(item, subject.charCodeAt(at))
        at++
        break
      }
      case MAX: {
        let end = at
        const { value, set } = item
        if (value >= 0) while (end < length && subject.charCodeAt(end) === value) end++
        else while (end < length && set[subject.charCodeAt(end)] === 1) end++
        const count = end - at
        matching.effort += count >> CHARACTERS_PER_STEP_BITS
        if (count < item.extra) matched = false
        else {
          if (count > item.extra) {
            if (top + 3 > matching.choices.length) grow()
            matching.choices[top] = i
            matching.choices[top + 1] = at
            matching.choices[top + 2] = count - 1
            top += 3
          }
          at = end
        }
        break
      }
      case OPTIONAL: {
        if (at < length && belongs(item, subject.charCodeAt(at))) {
          if (top + 3 > matching.choices.length) grow()
          matching.choices[top] = i
          matching.choices[top + 1] = at
          top += 3
          at++
        }
        break
      }
      case MIN: {
        if (top + 3 > matching.choices.length) grow()
        matching.choices[top] = i
        matching.choices[top + 1] = at
        top += 3
        break
      }
      case OPEN: {
        captureStarts[item.value] = at
        captureLengths[item.value] = item.extra === 1 ? POSITION : UNFINISHED
        break
      }
      case CLOSE: {
        captureLengths[item.value] = at - numberAt(captureStarts, item.value)
        break
      }
      case BALANCE: {
        at = balanceEnd(subject, at, item.value, item.extra)
        matched = at >= 0
        break
      }
      case FRONTIER: {
        const before = at === 0 ? 0 : subject.charCodeAt(at - 1)
        const after = at < length ? subject.charCodeAt(at) : 0
        matched = item.set[before] === 0 && item.set[after] === 1
        break
      }
      case BACK_REFERENCE: {
        const size = numberAt(captureLengths, item.value)
        const from = numberAt(captureStarts, item.value)
        // A position capture has no text, so it never matches.
        matched = size >= 0 && length - at >= size && repeats(subject, from, size, at)
        at += size
        break
      }
      case SUBJECT_END: {
        matched = at === length
        break
      }
      default:
        runtimeError(item.message)
    }
    if (matched) {
      i++
      continue
    }

    matching.effort += 1 + ((i - walkedFrom) >> ITEMS_PER_STEP_BITS)
    if (matching.effort >= EFFORT_PER_REPORT) reportEffort()

    // Backtracks to the latest choice that has something left to try.
    for (;;) {
      if (top === 0) return -1
      i = numberAt(matching.choices, top - 3)
      at = numberAt(matching.choices, top - 2)
      const choice = itemAt(items, i)
      if (choice.kind === MAX) {
        const count = numberAt(matching.choices, top - 1)
        if (count === choice.extra) top -= 3
        else matching.choices[top - 1] = count - 1
        at += count
        break
      }
      if (choice.kind === OPTIONAL) {
        top -= 3
        break
      }
      if (at < length && belongs(choice, subject.charCodeAt(at))) {
        at++
        matching.choices[top - 2] = at
        break
      }
      top -= 3
    }
    walkedFrom = i
    i++
  }
}

function belongs(item: Item, code: number): boolean {
  return item.value >= 0 ? item.value === code : item.set[code] === 1
}

function balanceEnd(subject: string, start: number, opener: number, closer: number): number {
  if (start >= subject.length || subject.charCodeAt(start) !== opener) return -1
  let depth = 1
  for (let at = start + 1; at < subject.length; at++) {
    const code = subject.charCodeAt(at)
    if (code === closer) {
      if (--depth === 0) {
        matching.effort += (at - start) >> CHARACTERS_PER_STEP_BITS
        return at + 1
      }
    } else if (code === opener) depth++
  }
  matching.effort += (subject.length - start) >> CHARACTERS_PER_STEP_BITS
  return -1
}

/** Tells whether the text at `from` is repeated at `at`. */
function repeats(subject: string, from: number, size: number, at: number): boolean {
  if (size > 0 && subject.charCodeAt(from) !== subject.charCodeAt(at)) return false
  matching.effort += size >> CHARACTERS_PER_STEP_BITS
  return subject.startsWith(subject.substring(from, from + size), at)
}

function reportEffort(): void {
  const steps = matching.effort
  matching.effort = 0
  meter.spend(steps)
}

function grow(): void {
  const larger = new Int32Array(2 * matching.choices.length)
  larger.set(matching.choices)
  matching.choices = larger
}

const PERCENT = 37
const CARET = 94

/**
 * Compiles a pattern from left to right, up to the first fault: items behind it cannot be reached.
 */
class PatternCompiler {
  readonly #text: string
  readonly #anchored: boolean
  readonly #items: Item[] = []
  /** Open captures, by number. */
  readonly #open: number[] = []
  #captures = 0
  #at = 0

  constructor(text: string, caretAnchors: boolean) {
    const nul = text.indexOf('\0')
    this.#text = nul < 0 ? text : text.substring(0, nul)
    this.#anchored = caretAnchors && text.charCodeAt(0) === CARET
    if (this.#anchored) this.#at = 1
  }

  compile(): Pattern {
    while (this.#at < this.#text.length) {
      const fault = this.#item()
      if (fault !== undefined) {
        this.#push(FAULT, 0, 0, NO_SET, fault)
        break
      }
    }
    this.#push(END)
    let prefix = ''
    for (const item of this.#items) {
      if (item.kind !== ONE || item.value < 0) break
      prefix += String.fromCharCode(item.value)
    }
    return {
      items: this.#items,
      anchored: this.#anchored,
      captures: this.#captures,
      prefix,
      literal: prefix.length + 1 === this.#items.length && prefix.length > 0,
      plain: isPlain(this.#text),
    }
  }

  /** Compiles one item; returns its fault, if any. */
  #item(): string | undefined {
    const text = this.#text
    const next = text[this.#at + 1]
    switch (text[this.#at]) {
      case '(': {
        if (this.#captures === CAPTURES_MAX) return 'too many captures'
        const isPosition = next === ')'
        this.#push(OPEN, this.#captures, isPosition ? 1 : 0)
        if (!isPosition) this.#open.push(this.#captures)
        this.#captures++
        this.#at += isPosition ? 2 : 1
        return undefined
      }
      case ')': {
        const closed = this.#open.pop()
        if (closed === undefined) return 'invalid pattern capture'
        this.#push(CLOSE, closed)
        this.#at++
        return undefined
      }
      case '$': {
        if (next !== undefined) break
        this.#push(SUBJECT_END)
        this.#at++
        return undefined
      }
      case '%': {
        if (next === 'b') {
          if (this.#at + 4 > text.length) return 'unbalanced pattern'
          this.#push(BALANCE, text.charCodeAt(this.#at + 2), text.charCodeAt(this.#at + 3))
          this.#at += 4
          return undefined
        }
        if (next === 'f') return this.#frontier()
        if (next !== undefined && next >= '0' && next <= '9') {
          const index = next.charCodeAt(0) - 49
          if (index < 0 || index >= this.#captures || this.#open.includes(index)) return 'invalid capture index'
          this.#push(BACK_REFERENCE, index)
          this.#at += 2
          return undefined
        }
      }
    }
    return this.#single()
  }

  #frontier(): string | undefined {
    this.#at += 2
    if (this.#text[this.#at] !== '[') return "missing '[' after '%f' in pattern"
    const end = this.#setEnd(this.#at)
    if (end < 0) return "malformed pattern (missing ']')"
    this.#push(FRONTIER, -1, 0, this.#set(this.#at, end))
    this.#at = end
    return undefined
  }

  /** Compiles one character, class or set with its quantifier. */
  #single(): string | undefined {
    const text = this.#text
    const start = this.#at
    let end = start + 1
    let value = -1
    let set = NO_SET
    switch (text[start]) {
      case '.':
        set = ANY
        break
      case '[': {
        end = this.#setEnd(start)
        if (end < 0) return "malformed pattern (missing ']')"
        set = this.#set(start, end)
        break
      }
      case '%': {
        if (end === text.length) return "malformed pattern (ends with '%')"
        const known = classOf(text.charCodeAt(end))
        if (known === undefined) value = text.charCodeAt(end)
        else set = known
        end++
        break
      }
      default:
        value = text.charCodeAt(start)
    }
    this.#at = end + 1
    switch (text[end]) {
      case '*':
        this.#push(MAX, value, 0, set)
        break
      case '+':
        this.#push(MAX, value, 1, set)
        break
      case '-':
        this.#push(MIN, value, 0, set)
        break
      case '?':
        this.#push(OPTIONAL, value, 0, set)
        break
      default:
        this.#push(ONE, value, 0, set)
        this.#at = end
    }
    return undefined
  }

  /**
   * Returns the position after the `]` of a set; the first character after `[` or `[^` is never
   * that.
   */
  #setEnd(start: number): number {
    const text = this.#text
    let at = start + 1
    if (text[at] === '^') at++
    do {
      if (at >= text.length) return -1
      if (text.charCodeAt(at++) === PERCENT && at < text.length) at++
    } while (text[at] !== ']')
    return at + 1
  }

  /** Makes the table of a set from its `[` to the position after its `]`. */
  #set(start: number, end: number): ByteSet {
    const text = this.#text
    meter.charge(SET_BYTES)
    meter.spend(1 + ((end - start) >> ITEMS_PER_STEP_BITS))
    const set = new Uint8Array(256)
    const last = end - 1
    let at = start + 1
    const complemented = text[at] === '^'
    if (complemented) at++
    while (at < last) {
      const code = text.charCodeAt(at)
      if (code === PERCENT) {
        const member = text.charCodeAt(at + 1)
        const known = classOf(member)
        if (known === undefined) set[member] = 1
        else for (let c = 0; c < 256; c++) set[c]! |= known[c]!
        at += 2
      } else if (text[at + 1] === '-' && at + 2 < last) {
        for (let c = code, to = text.charCodeAt(at + 2); c <= to; c++) set[c] = 1
        at += 3
      } else {
        set[code] = 1
        at++
      }
    }
    if (complemented) for (let c = 0; c < 256; c++) set[c]! ^= 1
    return set
  }

  #push(kind: number, value = 0, extra = 0, set: ByteSet = NO_SET, message = ''): void {
    meter.charge(ITEM_BYTES)
    meter.spend(1)
    this.#items.push({ kind, value, extra, set, message })
  }
}

/** Bytes of a set with its buffer. */
const SET_BYTES = 400

const ANY = tableOf(() => true)

function tableOf(includes: (code: number) => boolean): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, code) => (includes(code) ? 1 : 0))
}

const isUpper = (c: number) => c >= 65 && c <= 90
const isLower = (c: number) => c >= 97 && c <= 122
const isDigit = (c: number) => c >= 48 && c <= 57
const isLetter = (c: number) => isUpper(c) || isLower(c)
const isGraphic = (c: number) => c > 32 && c < 127

/** The classes of C's plain locale; bytes beyond ASCII belong to none. */
const CLASSES: ReadonlyMap<number, ByteSet> = new Map(
  (
    [
      ['a', isLetter],
      ['c', (c) => c < 32 || c === 127],
      ['d', isDigit],
      ['l', isLower],
      ['p', (c) => isGraphic(c) && !isLetter(c) && !isDigit(c)],
      ['s', (c) => c === 32 || (c >= 9 && c <= 13)],
      ['u', isUpper],
      ['w', (c) => isLetter(c) || isDigit(c)],
      ['x', (c) => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102)],
      ['z', (c) => c === 0],
    ] as const satisfies [string, (code: number) => boolean][]
  ).flatMap(([letter, includes]) => [
    [letter.charCodeAt(0), tableOf(includes)],
    [letter.toUpperCase().charCodeAt(0), tableOf((c) => !includes(c))],
  ]),
)

/** Returns the set of a class letter after `%`; undefined when the letter stands for itself. */
function classOf(code: number): ByteSet | undefined {
  return CLASSES.get(code)
}
