// Replies as JavaScript values, for callers inside the process.
//
// Another implementation of `Reply` that never makes bytes would not do. A reply may come later (a
// parked client is served), may be withheld (appendfsync always) and is ordered with pushes. All of
// that happens to a client's output, which is bytes. So an embedded caller is a client like any
// other, and its RESP3 output is read here.

import { textOf } from '../util/bytes/text.ts'
import { BadReply, REPLY_TYPE, ReplyReader } from './reply-reader.ts'

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

/** Receives the values that were read. */
export interface ReplyValueReceiver<S> {
  reply(value: ReplyValue<S>): void
  /** An out-of-band message: its kind and its parts. */
  push(parts: ReplyValue<S>[]): void
}

/** Bytes of a verbatim string's format (`txt:`), before the text. */
const VERBATIM_HEAD_BYTES = 4

/** Makes a string of bytes, which are overwritten later. */
export type StringDecoder<S> = (u8: Buffer, start: number, length: number) => S

export class ReplyValueReader<S> extends ReplyReader<ReplyValue<S>> {
  readonly #decode: StringDecoder<S>
  readonly #receiver: ReplyValueReceiver<S>

  constructor(decode: StringDecoder<S>, receiver: ReplyValueReceiver<S>) {
    super()
    this.#decode = decode
    this.#receiver = receiver
  }

  protected override scalar(type: number, u8: Buffer, start: number, length: number): ReplyValue<S> {
    switch (type) {
      case REPLY_TYPE.bulk:
        return this.#decode(u8, start, length)
      case REPLY_TYPE.integer: {
        const line = textOf(u8, start, length)
        const value = Number(line)
        return Number.isSafeInteger(value) ? value : BigInt(line)
      }
      case REPLY_TYPE.status:
        return textOf(u8, start, length)
      case REPLY_TYPE.error:
      case REPLY_TYPE.bulkError:
        return new CommandError(textOf(u8, start, length))
      case REPLY_TYPE.verbatim:
        return this.#decode(u8, start + VERBATIM_HEAD_BYTES, length - VERBATIM_HEAD_BYTES)
      case REPLY_TYPE.nil:
        return null
      case REPLY_TYPE.boolean:
        return textOf(u8, start, length) === 't'
      case REPLY_TYPE.double: {
        const line = textOf(u8, start, length)
        return line === 'inf' ? Number.POSITIVE_INFINITY : line === '-inf' ? Number.NEGATIVE_INFINITY : Number(line)
      }
      case REPLY_TYPE.bigNumber: {
        const line = textOf(u8, start, length)
        // A script may call anything a big number.
        return /^[+-]?\d+$/.test(line) ? BigInt(line) : line
      }
      default:
        throw new BadReply(`a reply of unknown type '${String.fromCharCode(type)}'`)
    }
  }

  protected override container(type: number, items: ReplyValue<S>[]): ReplyValue<S> {
    if (type === REPLY_TYPE.set) return new Set(items)
    if (type !== REPLY_TYPE.map) return items
    const map = new Map<ReplyValue<S>, ReplyValue<S>>()
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!)
    return map
  }

  protected override take(type: number, value: ReplyValue<S>): void {
    if (type === REPLY_TYPE.push) this.#receiver.push(value as ReplyValue<S>[])
    else this.#receiver.reply(value)
  }
}
