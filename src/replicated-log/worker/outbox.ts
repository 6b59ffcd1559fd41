// Messages of one thread to the other, gathered for a turn of the loop and sent as one.
//
// Each message wakes the other thread. Sixteen appends sent as sixteen messages became sixteen
// writes there, and only a third as many were acknowledged per second as in one write
// (docs/decisions/0033-which-log.md).

import { assert } from '../../util/assert.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import type { Port } from './messages.ts'

export class Outbox<Message> {
  readonly #port: Port
  #messages: Message[] = []
  #transferred: ArrayBuffer[] = []

  constructor(port: Port) {
    this.#port = port
  }

  /** Sends a message soon, and transfers the memory of its bytes, which nothing else may use. */
  send(message: Message, bytes?: Uint8Array<ArrayBuffer>): void {
    if (this.#messages.length === 0) setImmediate(() => this.#flush())
    this.#messages.push(message)
    if (bytes !== undefined) this.#transferred.push(bytes.buffer)
  }

  #flush(): void {
    assert(this.#messages.length > 0, 'an outbox is emptied when a message is in it')
    const messages = this.#messages
    const transferred = this.#transferred
    this.#messages = []
    this.#transferred = []
    this.#port.postMessage(messages, transferred)
  }
}
