// Messages as an iteration: `for await (const { channel, message } of broker.messages('orders.*', {
// name: 'billing' }))`.

import type { Message, MessageFeed } from './message-feed.ts'

export class MessageIterator implements AsyncIterableIterator<Message>, AsyncDisposable {
  readonly #feed: MessageFeed
  readonly #isAutomatic: boolean
  #last: Message | undefined = undefined

  /** @internal A program gets them from `broker.messages()`. */
  constructor(feed: MessageFeed, ack: 'auto' | 'manual') {
    this.#feed = feed
    this.#isAutomatic = ack === 'auto'
    // Told to who takes messages.
    feed.ready.catch(() => {})
  }

  /** Fulfilled when the subscription is in force. */
  get ready(): Promise<void> {
    return this.#feed.ready
  }

  /**
   * Takes the next message when there is one. With `ack: 'auto'` this acknowledges the message
   * before.
   */
  async next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#isAutomatic) await this.#last?.ack()
    this.#last = undefined
    const message = await this.#feed.next()
    if (message === undefined) return { done: true, value: undefined }
    this.#last = message
    return { done: false, value: message }
  }

  /** Ends the iteration. The last taken message does not count as heard, and will be sent again. */
  async return(): Promise<IteratorResult<Message, undefined>> {
    this.#feed.leave()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}
