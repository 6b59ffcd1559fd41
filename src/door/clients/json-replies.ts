// Replies as JSON text, for the `result` of Upstash's protocol.
//
// A reply becomes text while it is read, without a value in between, because a pipeline may bring
// thousands. Numbers are written with all their digits.

import { isUtf8 } from 'node:buffer'
import { REPLY_TYPE, ReplyReader } from '../../protocol/reply-reader.ts'
import { textOf, utf8Of } from '../../util/bytes/text.ts'

/**
 * The form of strings in JSON: text, base64 of their bytes, or text with `{"base64":…}` for bytes
 * that
 * are none. With `typed`, an error within an array is `{"error":…}`.
 */
export type Encoding = 'utf8' | 'base64' | 'typed'

/** An error reply: the whole line. */
export class ErrorReply {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

/** A status such as OK. */
class StatusReply {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A reply: JSON text, or a value that is not text yet. */
export type JsonReply = string | StatusReply | ErrorReply | readonly JsonReply[]

export interface JsonReplyReceiver {
  /** The encoding of the reply that is being read. */
  readonly encoding: Encoding
  /** Counts a value of so many bytes; false = it is dropped, because the answer is too long. */
  admits(bytes: number): boolean
  reply(reply: JsonReply): void
  push(parts: JsonReply): void
}

export class JsonReplyReader extends ReplyReader<JsonReply> {
  readonly #receiver: JsonReplyReceiver

  constructor(receiver: JsonReplyReceiver) {
    super()
    this.#receiver = receiver
  }

  protected override scalar(type: number, u8: Buffer, start: number, length: number): JsonReply {
    if (!this.#receiver.admits(length)) return 'null'
    switch (type) {
      case REPLY_TYPE.bulk:
        if (this.#receiver.encoding === 'base64') return `"${u8.toString('base64', start, start + length)}"`
        if (this.#receiver.encoding === 'typed' && !isUtf8(u8.subarray(start, start + length)))
          return `{"base64":"${u8.toString('base64', start, start + length)}"}`
        return JSON.stringify(utf8Of(u8, start, length))
      case REPLY_TYPE.integer: {
        const digits = textOf(u8, start, length)
        const isExact = this.#receiver.encoding !== 'typed' || Number.isSafeInteger(Number(digits))
        return isExact ? digits : `"${digits}"`
      }
      case REPLY_TYPE.nil:
        return 'null'
      case REPLY_TYPE.status:
        return new StatusReply(textOf(u8, start, length))
      default:
        return new ErrorReply(utf8Of(u8, start, length))
    }
  }

  protected override container(_type: number, items: JsonReply[]): JsonReply {
    return items
  }

  protected override take(type: number, reply: JsonReply): void {
    if (type === REPLY_TYPE.push) this.#receiver.push(reply)
    else this.#receiver.reply(reply)
  }
}

/** Returns `{"result":…}` or `{"error":…}`. */
export function outcomeOf(reply: JsonReply, encoding: Encoding): string {
  if (reply instanceof ErrorReply) return `{"error":${JSON.stringify(reply.message)}}`
  // OK at the top level is never encoded, and Upstash's clients do not decode it.
  if (reply instanceof StatusReply && reply.text === 'OK') return '{"result":"OK"}'
  return `{"result":${jsonOf(reply, encoding)}}`
}

/** Returns a reply as JSON. */
export function jsonOf(reply: JsonReply, encoding: Encoding): string {
  if (typeof reply === 'string') return reply
  if (reply instanceof StatusReply) return JSON.stringify(encoded(reply.text, encoding))
  if (reply instanceof ErrorReply) {
    const text = JSON.stringify(encoded(reply.message, encoding))
    return encoding === 'typed' ? `{"error":${text}}` : text
  }
  return `[${reply.map((item) => jsonOf(item, encoding)).join(',')}]`
}

function encoded(text: string, encoding: Encoding): string {
  return encoding === 'base64' ? Buffer.from(text).toString('base64') : text
}
