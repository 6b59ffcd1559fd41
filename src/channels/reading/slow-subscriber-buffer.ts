// Messages that nobody keeps, and that wait for a slow subscriber in a bounded place. Some are left out: it is spared them.
//
// Of each channel as its rule says: the oldest go when there is no room (`drop-oldest`), new ones are not let in
// (`drop-newest`), or only the last of the channel stays (`conflate`).

import type { Bytes } from '../../util/bytes/bytes.ts'
import type { ChannelLog } from '../log/channel-log.ts'

/** What a message takes besides its bytes. */
const MESSAGE_BYTES = 64

interface BufferedMessage {
  readonly log: ChannelLog
  readonly message: Bytes
}

export class SlowSubscriberBuffer {
  readonly #bytesMax: number
  /** In the order in which they are delivered. */
  #messages: BufferedMessage[] = []
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  /** Takes the message that a log delivers; returns how many messages are lost by that. */
  add(log: ChannelLog): number {
    const bytes = MESSAGE_BYTES + log.message.length
    const before = this.#messages.length
    if (log.rule.slow === 'conflate') this.#removeIf((other) => other.log.name === log.name)
    else if (log.rule.slow === 'drop-newest' && this.#bytes + bytes > this.#bytesMax) return 1
    while (this.#bytes + bytes > this.#bytesMax && this.#messages.length > 0) this.#removeFirst()
    this.#messages.push({ log, message: log.message.copy() })
    this.#bytes += bytes
    return before + 1 - this.#messages.length
  }

  /** Hands messages on, the oldest first, until `deliver` returns false or none is left. */
  take(deliver: (log: ChannelLog, message: Bytes) => boolean): void {
    let more = true
    while (more && this.#messages.length > 0) {
      const { log, message } = this.#removeFirst()
      more = deliver(log, message)
    }
  }

  #removeFirst(): BufferedMessage {
    const first = this.#messages.shift()!
    this.#bytes -= MESSAGE_BYTES + first.message.length
    return first
  }

  #removeIf(goes: (spared: BufferedMessage) => boolean): void {
    const at = this.#messages.findIndex(goes)
    if (at === -1) return
    const [gone] = this.#messages.splice(at, 1)
    this.#bytes -= MESSAGE_BYTES + gone!.message.length
  }
}
