// Texts of brokers about themselves, as messages beside the log (of a cluster: beside the map's log,
// which the brokers of all shards have open).
//
// A text is an object in JSON, so its batch begins with a brace. Batches of messages between shards
// begin with their version (src/shards/message-batch.ts): each kind of listener passes the batches
// of the other over.

import type { Broadcast } from '../../engine/cluster-view/broadcast.ts'
import type { Log } from '../../engine/log.ts'
import { assert } from '../../util/assert.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import { LogError } from '../log.ts'
import type { Messaging } from '../messaging.ts'

const BRACE = 0x7b

export class LogBroadcast implements Broadcast {
  readonly address: string
  readonly shard: string
  readonly heard = new Handlers<[text: Uint8Array]>((slot) => {
    this.#heard = slot
    if (slot !== null) this.#listen()
  })
  #heard: Handler<[text: Uint8Array]> | null = null
  readonly #messaging: Messaging
  readonly #log: Log
  #isListening = false
  /** Whether the last text was lost: only the first loss is logged. */
  #isBlocked = false

  constructor(messaging: Messaging, log: Log, { address, shard }: { address: string; shard: string }) {
    this.#messaging = messaging
    this.#log = log
    this.address = address
    this.shard = shard
  }

  get bytesMax(): number {
    return this.#messaging.batchBytesMax
  }

  send(text: Uint8Array): void {
    assert(text[0] === BRACE, 'a text of a broker about itself is an object in JSON')
    if (text.length > this.bytesMax) return
    void this.#send(text)
  }

  async #send(text: Uint8Array): Promise<void> {
    try {
      await this.#messaging.send(text)
      this.#isBlocked = false
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      if (!this.#isBlocked) this.#log.warn({ reason: error.message }, 'the other brokers do not hear of this one')
      this.#isBlocked = true
    }
  }

  #listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    this.#messaging.listen((batch) => {
      if (batch[0] === BRACE) this.#heard?.(batch)
    })
  }
}
