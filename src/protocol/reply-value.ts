// Replies as JavaScript values, for callers inside the process.
//
// Why not another implementation of `Reply` that never makes bytes: a reply may come
// later (a parked client is served), may be held back (appendfsync always) and is
// ordered with pushes. All of that happens to a client's output, which is bytes; so an
// embedded caller is a client like any other, and its RESP3 output is read here.
//
// What arrives is whole replies, as many as one turn of the loop made. A rest that is
// not whole is kept until more comes.

/** An error reply, as a JavaScript caller meets it. `message` is the whole line. */
export class CommandError extends Error {
  override name = 'CommandError'

  /** The code word: `ERR`, `WRONGTYPE`, … */
  get code(): string {
    return /^\S*/.exec(this.message)![0]
  }
}

/** A reply. `S` is what strings are made of; errors inside an array (EXEC) are values. */
export type ReplyValue<S> =
  | S
  | string
  | number
  | bigint
  | boolean
  | null
  | CommandError
  | ReplyValue<S>[]
  | Map<ReplyValue<S>, ReplyValue<S>>
  | Set<ReplyValue<S>>

/** Who receives what was read. */
export interface ReplyValueReceiver<S> {
  reply(value: ReplyValue<S>): void
  /** An out-of-band message: its kind and its parts. */
  push(parts: ReplyValue<S>[]): void
}

/** An array, set, map, push or attribute whose elements are still to come; what an attribute says is dropped. */
interface Container<S> {
  type: string
  values: ReplyValue<S>[]
  missing: number
}

const LF = 10
/** Thrown inside when the bytes end within a value. */
const INCOMPLETE = Symbol('incomplete')

export class ReplyValueReader<S> {
  readonly #decode: (bytes: Buffer) => S
  readonly #receiver: ReplyValueReceiver<S>
  #u8: Buffer = Buffer.alloc(0)
  #at = 0
  #rest: Buffer | undefined = undefined

  /** `decode` makes a string of a view on bytes that are overwritten later. */
  constructor(decode: (bytes: Buffer) => S, receiver: ReplyValueReceiver<S>) {
    this.#decode = decode
    this.#receiver = receiver
  }

  /** Reads bytes, which the caller may reuse afterwards. */
  feed(bytes: Buffer): void {
    this.#u8 = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = undefined
    this.#at = 0
    while (this.#at < this.#u8.length) {
      const start = this.#at
      const isPush = this.#u8[start] === 62
      let value: ReplyValue<S>
      try {
        value = this.#value()
      } catch (error) {
        if (error !== INCOMPLETE) throw error
        this.#rest = Buffer.from(this.#u8.subarray(start))
        return
      }
      if (isPush) this.#receiver.push(value as ReplyValue<S>[])
      else this.#receiver.reply(value)
    }
  }

  /** Reads one value. A script may return tables within tables by the thousand, so what is open stands on a stack of its own. */
  #value(): ReplyValue<S> {
    let open: Container<S>[] | undefined
    while (true) {
      if (this.#at >= this.#u8.length) throw INCOMPLETE
      const type = String.fromCharCode(this.#u8[this.#at]!)
      const line = this.#line()
      const missing = elementsOf(type, line)
      if (missing > 0) {
        open ??= []
        open.push({ type, values: [], missing })
        continue
      }
      let value: ReplyValue<S> = missing === 0 ? made(type, []) : this.#scalar(type, line)
      if (open === undefined) return value
      while (true) {
        if (open.length === 0) return value
        const last = open[open.length - 1]!
        last.values.push(value)
        if (--last.missing > 0) break
        open.pop()
        // The value that an attribute is about comes behind it.
        if (last.type === '|') break
        value = made(last.type, last.values)
      }
    }
  }

  #scalar(type: string, line: string): ReplyValue<S> {
    switch (type) {
      case '+':
        return line
      case '-':
        return new CommandError(line)
      case ':': {
        const value = Number(line)
        return Number.isSafeInteger(value) ? value : BigInt(line)
      }
      case '$':
        return line === '-1' ? null : this.#decode(this.#bytes(Number(line)))
      case '=':
        // txt: and the text.
        return this.#decode(this.#bytes(Number(line)).subarray(4))
      case '_':
      case '*':
        return null
      case '#':
        return line === 't'
      case ',':
        return line === 'inf' ? Number.POSITIVE_INFINITY : line === '-inf' ? Number.NEGATIVE_INFINITY : Number(line)
      case '(':
        // A script may call anything a big number.
        return /^[+-]?\d+$/.test(line) ? BigInt(line) : line
      default:
        throw new Error(`a reply of unknown type '${type}'`)
    }
  }

  /** Returns the line after the type byte. */
  #line(): string {
    const end = this.#u8.indexOf(LF, this.#at)
    if (end === -1) throw INCOMPLETE
    const line = this.#u8.toString('latin1', this.#at + 1, end - 1)
    this.#at = end + 1
    return line
  }

  #bytes(length: number): Buffer {
    const start = this.#at
    if (start + length + 2 > this.#u8.length) throw INCOMPLETE
    this.#at = start + length + 2
    return this.#u8.subarray(start, start + length)
  }
}

/** Returns how many values a container holds; -1 for what is none, and for the absent array. */
function elementsOf(type: string, line: string): number {
  switch (type) {
    case '*':
    case '>':
    case '~':
      return Number(line)
    case '%':
    case '|':
      return 2 * Number(line)
  }
  return -1
}

function made<S>(type: string, values: ReplyValue<S>[]): ReplyValue<S> {
  if (type === '~') return new Set(values)
  if (type !== '%') return values
  const map = new Map<ReplyValue<S>, ReplyValue<S>>()
  for (let i = 0; i < values.length; i += 2) map.set(values[i]!, values[i + 1]!)
  return map
}
