// Replies as they came, each with its type: the printer tells a status from a string and a double from an integer.

import { ReplyReader } from '../../protocol/reply-reader.ts'

/** A type byte of RESP2 or RESP3, with the texts and elements it has. An absent string or array is a null (`_`). */
export interface Reply {
  readonly type: string
  /** Of what is no container. */
  readonly bytes: Buffer
  /** Of containers; a map's are keys and values by turns. */
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
