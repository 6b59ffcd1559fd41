// Replies with their types, because the printer distinguishes a status from a string and a double
// from an integer.

import { ReplyReader } from '../../protocol/reply-reader.ts'

/** A value of RESP2 or RESP3 with its type byte. An absent string or array is a null (`_`). */
export interface Reply {
  readonly type: string
  /** The bytes of a value that is not a container. */
  readonly bytes: Buffer
  /** The elements of a container; those of a map are alternating keys and values. */
  readonly items: Reply[]
}

const NOTHING = Buffer.alloc(0)

export class TypedReplyReader extends ReplyReader<Reply> {
  readonly #receive: (reply: Reply) => void

  constructor(receive: (reply: Reply) => void) {
    super()
    this.#receive = receive
  }

  protected override scalar(type: number, u8: Buffer, start: number, length: number): Reply {
    return { type: String.fromCharCode(type), bytes: Buffer.from(u8.subarray(start, start + length)), items: [] }
  }

  protected override container(type: number, items: Reply[]): Reply {
    return { type: String.fromCharCode(type), bytes: NOTHING, items }
  }

  protected override take(_type: number, reply: Reply): void {
    this.#receive(reply)
  }
}
