// Publishes the door's own messages, which no visitor has sent.

import type { Engine } from '../../commands/call.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { Transport } from '../../engine/clients/transport.ts'
import { encodeRequest } from '../../protocol/request-writer.ts'
import { Source } from '../../util/bytes/bytes.ts'

export class OwnPublisher implements Transport {
  readonly kind = 'in-process'
  readonly address = 'in-process:0'
  readonly localAddress = 'in-process:0'
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly #engine: Engine
  #client: Client | undefined = undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Publishes a message. While a command runs, it is published after that. */
  publish(channel: string, message: string): void {
    if (this.#client === undefined || this.#client.connection.closed)
      this.#client = this.#engine.connect(this, 'internal')
    const request = encodeRequest(['PUBLISH', channel, message], 'utf8')
    this.#engine.receive(this.#client, new Source(request), 0, request.length)
  }

  /** A reply: a deposed leader refuses, and another node publishes. */
  write(): boolean {
    return true
  }

  close(): void {}
}
