// Commands as JSON: an array of words, or an array of such arrays. A word is a string, a number or a
// boolean.
//
// JSON.parse would hold the loop up for as long as a whole body takes: tens of milliseconds for a
// megabyte of short words, and more for one of objects, which are refused afterwards. So a body that
// is longer than a slice is read here, a slice in a turn of the loop, and is refused where it first
// is something else. A string is read at once, by JSON.parse.

import { setImmediate } from '../../util/time/real-time.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { Word } from './command-client.ts'

export type Command = readonly Word[]

const NO_COMMAND = 'ERR the body is a JSON array of the words of a command'
const NO_COMMANDS = 'ERR the body is a JSON array of commands'
/** So much is read in a turn of the loop: a millisecond of short words. */
export const SLICE_BYTES = 16 * 1024

const OPENS = 0x5b
const CLOSES = 0x5d
const COMMA = 0x2c
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])

/** Reads one command. Rejects with HttpError. */
export async function commandOf(body: Buffer): Promise<Command> {
  if (body.length <= SLICE_BYTES) return wordsOf(parse(body, NO_COMMAND), NO_COMMAND)
  return inSlices(readOne(new Scanner(body, NO_COMMAND)))
}

/**
 * Reads commands, and shows each to `take`, which may throw. Rejects with HttpError, or with what
 * `take` throws.
 */
export async function commandsOf(body: Buffer, take: (command: Command) => void = () => {}): Promise<Command[]> {
  if (body.length > SLICE_BYTES) return inSlices(readAll(new Scanner(body, NO_COMMANDS), take))
  const commands = parse(body, NO_COMMANDS)
  if (!Array.isArray(commands)) throw new HttpError(400, NO_COMMANDS)
  const read = commands.map((command) => wordsOf(command, NO_COMMANDS))
  for (const command of read) take(command)
  return read
}

// ── a short body ─────────────────────────────────────────────────────────────

function parse(body: Buffer, refusal: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new HttpError(400, refusal)
  }
}

function wordsOf(command: unknown, refusal: string): Command {
  if (!Array.isArray(command) || command.length === 0) throw new HttpError(400, refusal)
  return command.map((word: unknown) => wordOf(word, refusal))
}

function wordOf(word: unknown, refusal: string): string {
  if (typeof word === 'string') return word
  if (typeof word === 'number' || typeof word === 'boolean') return String(word)
  throw new HttpError(400, refusal)
}

// ── a long one ───────────────────────────────────────────────────────────────

/** Runs a reader, a step in a turn of the loop. */
async function inSlices<Read>(reader: Generator<undefined, Read>): Promise<Read> {
  for (;;) {
    const { done, value } = reader.next()
    if (done === true) return value
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

function* readOne(scanner: Scanner): Generator<undefined, Command> {
  const words = yield* readWords(scanner)
  scanner.end()
  return words
}

function* readAll(scanner: Scanner, take: (command: Command) => void): Generator<undefined, Command[]> {
  const commands: Command[] = []
  scanner.expect(OPENS)
  if (scanner.next() === CLOSES) scanner.expect(CLOSES)
  else
    do {
      const command = yield* readWords(scanner)
      take(command)
      commands.push(command)
    } while (scanner.goesOn())
  scanner.end()
  return commands
}

function* readWords(scanner: Scanner): Generator<undefined, Command> {
  const words: Word[] = []
  scanner.expect(OPENS)
  do {
    words.push(scanner.word())
    if (scanner.isSliceOver) yield
  } while (scanner.goesOn())
  return words
}

class Scanner {
  readonly #body: Buffer
  readonly #refusal: string
  #at = 0
  #sliceEnd = SLICE_BYTES

  constructor(body: Buffer, refusal: string) {
    this.#body = body
    this.#refusal = refusal
  }

  /** True once for each slice. */
  get isSliceOver(): boolean {
    if (this.#at < this.#sliceEnd) return false
    this.#sliceEnd = this.#at + SLICE_BYTES
    return true
  }

  /** Returns the next byte that is no space; undefined at the end. */
  next(): number | undefined {
    while (SPACES.has(this.#body[this.#at] ?? -1)) this.#at++
    return this.#body[this.#at]
  }

  expect(byte: number): void {
    if (this.next() !== byte) this.#refuse()
    this.#at++
  }

  /** Reads what stands behind an element: true for a comma, false for the end of the array. */
  goesOn(): boolean {
    const byte = this.next()
    if (byte !== COMMA && byte !== CLOSES) this.#refuse()
    this.#at++
    return byte === COMMA
  }

  end(): void {
    if (this.next() !== undefined) this.#refuse()
  }

  word(): string {
    const isString = this.next() === QUOTE
    const from = this.#at
    const to = isString ? this.#stringEnd() : this.#scalarEnd()
    this.#at = to
    // An empty text is none, and neither is what JSON.parse would read as an object.
    return wordOf(parse(this.#body.subarray(from, to), this.#refusal), this.#refusal)
  }

  #stringEnd(): number {
    const body = this.#body
    let at = this.#at + 1
    while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1
    return at + 1
  }

  /** The end of a number or of a boolean. An array or an object ends at once, and is refused. */
  #scalarEnd(): number {
    const body = this.#body
    let at = this.#at
    while (at < body.length && isOfScalar(body[at] ?? 0)) at++
    return at
  }

  #refuse(): never {
    throw new HttpError(400, this.#refusal)
  }
}

/** Digits, letters, and `+ - .`. */
function isOfScalar(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x45 ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  )
}
