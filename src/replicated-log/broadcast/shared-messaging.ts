// Messages beside a log, for several listeners: a log itself takes one. It listens to the log when
// the first of them asks for it.

import type { Messaging } from '../messaging.ts'

export class SharedMessaging implements Messaging {
  readonly #messaging: Messaging
  readonly #listeners: ((batch: Uint8Array) => void)[] = []

  constructor(messaging: Messaging) {
    this.#messaging = messaging
  }

  get batchBytesMax(): number {
    return this.#messaging.batchBytesMax
  }

  /** As the log's own. A second sender need not wait until the batch of the first has left. */
  send(batch: Uint8Array): Promise<void> {
    return this.#messaging.send(batch)
  }

  listen(hear: (batch: Uint8Array) => void): void {
    this.#listeners.push(hear)
    if (this.#listeners.length > 1) return
    this.#messaging.listen((batch) => {
      for (const each of this.#listeners) each(batch)
    })
  }
}
