// Replies with their types, because the printer distinguishes a status from a string and a double
// from an integer.
//
// Bytes are parsed once, however many pieces they arrive in: open containers are kept on a stack
// between two pieces.

/** A value of RESP2 or RESP3 with its type byte. An absent string or array is a null (`_`). */
export interface Reply {
  readonly type: string
  /** The bytes of a value that is not a container. */
  readonly bytes: Buffer
  /** The elements of a container; those of a map are alternating keys and values. */
  readonly items: Reply[]
}

interface Open {
  readonly reply: Reply
  missing: number
}

const LF = 10
const NOTHING = Buffer.alloc(0)

export class ReplyReader {
  readonly #receive: (reply: Reply) => void
  #chunks: Buffer[] = []
  #length = 0
  /** No value can be parsed before this many bytes have arrived. */
  #needed = 1
  readonly #open: Open[] = []

  constructor(receive: (reply: Reply) => void) {
    this.#receive = receive
  }

  /** Takes bytes, which must not change afterwards. */
  feed(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#needed) return
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    let at = 0
    this.#needed = 1
    while (at < bytes.length) {
      const end = bytes.indexOf(LF, at)
      if (end === -1) break
      const type = String.fromCharCode(bytes[at]!)
      const line = bytes.subarray(at + 1, end - 1)
      const isText = type === '$' || type === '=' || type === '!'
      const length = isText ? Math.max(-1, Number(line.toString('latin1'))) : -1
      if (length === -1) {
        at = end + 1
        this.#take(type, line)
        continue
      }
      const next = end + 1 + length + 2
      if (next > bytes.length) {
        this.#needed = next - at
        break
      }
      at = next
      this.#add({ type, bytes: bytes.subarray(end + 1, end + 1 + length), items: [] })
    }
    const rest = bytes.subarray(at)
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#length = rest.length
  }

  /** Takes a value of one line, or the head of a container. */
  #take(type: string, line: Buffer): void {
    const elements = '*~>'.includes(type) ? Number(line) : type === '%' || type === '|' ? 2 * Number(line) : undefined
    if (elements === undefined && type !== '$') this.#add({ type, bytes: line, items: [] })
    else if (elements === undefined || elements < 0) this.#add({ type: '_', bytes: NOTHING, items: [] })
    else if (elements === 0) this.#add({ type, bytes: NOTHING, items: [] })
    else this.#open.push({ reply: { type, bytes: NOTHING, items: [] }, missing: elements })
  }

  #add(value: Reply): void {
    let reply = value
    while (true) {
      const last = this.#open.at(-1)
      // Attributes describe the reply that follows; they are not used here.
      if (reply.type === '|') return
      if (last === undefined) {
        this.#receive(reply)
        return
      }
      last.reply.items.push(reply)
      if (--last.missing > 0) return
      this.#open.pop()
      reply = last.reply
    }
  }
}
