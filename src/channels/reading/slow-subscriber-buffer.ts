// A bounded buffer of messages for a slow subscriber of a channel that keeps none. Some messages
// are dropped.
//
// The channel's rule chooses which. A full buffer drops its oldest messages (`drop-oldest`) or
// refuses new ones (`drop-newest`). `conflate` keeps only the last message of each channel.

import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { ChannelLog } from '../log/channel-log.ts'

/** Bytes that a message takes besides its text. */
const MESSAGE_BYTES = 64

interface BufferedMessage {
  readonly log: ChannelLog
  readonly message: Bytes
}

export class SlowSubscriberBuffer {
  readonly #bytesMax: number
  /** In the order of their delivery. */
  #messages: BufferedMessage[] = []
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  /** Adds the message that a log delivers; returns how many messages were dropped. */
  add(log: ChannelLog): number {
    const bytes = MESSAGE_BYTES + log.message.length
    const before = this.#messages.length
    if (log.rule.slow === 'conflate') this.#removeIf((other) => other.log.name === log.name)
    else if (log.rule.slow === 'drop-newest' && this.#bytes + bytes > this.#bytesMax) return 1
    while (this.#bytes + bytes > this.#bytesMax && this.#messages.length > 0) this.#removeFirst()
    this.#messages.push({ log, message: log.message.copy() })
    this.#bytes += bytes
    assert(this.#bytes <= this.#bytesMax || this.#messages.length === 1, 'the buffer is bounded')
    return before + 1 - this.#messages.length
  }

  /**
   * Hands over messages, the oldest first, until `deliver` returns false or the buffer is empty.
   */
  take(deliver: (log: ChannelLog, message: Bytes) => boolean): void {
    let more = true
    while (more && this.#messages.length > 0) {
      const { log, message } = this.#removeFirst()
      more = deliver(log, message)
    }
  }

  #removeFirst(): BufferedMessage {
    const first = this.#messages.shift()
    assert(first !== undefined, 'a buffer that gives a message has one')
    this.#bytes -= MESSAGE_BYTES + first.message.length
    assert(this.#messages.length > 0 || this.#bytes === 0, 'an empty buffer takes no bytes')
    return first
  }

  #removeIf(goes: (spared: BufferedMessage) => boolean): void {
    const at = this.#messages.findIndex(goes)
    if (at === -1) return
    const [gone] = this.#messages.splice(at, 1)
    if (gone !== undefined) this.#bytes -= MESSAGE_BYTES + gone.message.length
  }
}
