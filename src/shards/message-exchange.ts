// Messages between shards: messages published here are sent to the nodes of other shards, and
// theirs are delivered here.
//
//   PUBLISH, keyspace event ──▶ gathered ──(turn's end; one batch in flight)──▶ messaging of the map's log
//                                                                                │
//                                                                                ▼
//   subscribers ◀── not sent by us, and not in our shard's log ◀── all nodes of all shards
//
// A leader's messages are in its shard's log, and the nodes of that shard get them from there. A
// follower's messages are in no log, so its own shard gets them this way, too. Messages arrive in
// the order in which their node has published them, at most once: they never delay a client, and
// none is sent again. A message for which there is no room, or no connection, is dropped and
// counted.
//
// With a single shard nothing is sent.

import type { MessageFigures } from '../engine/cluster-view/cluster-view.ts'
import { LogError } from '../replicated-log/log.ts'
import type { Messaging } from '../replicated-log/messaging.ts'
import { assert } from '../util/assert.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import { Random } from '../util/numbers/random.ts'
import { type IncomingMessage, IncomingMessages } from './incoming-messages.ts'
import { SENDER_DIGITS } from './message-batch.ts'
import { OutgoingMessages } from './outgoing-messages.ts'
import type { ShardView } from './shard-view.ts'

export class MessageExchange implements MessageFigures {
  sent = 0
  dropped = 0
  heard = 0
  readonly #view: ShardView
  readonly #outgoing: OutgoingMessages
  readonly #incoming: IncomingMessages
  #messaging: Messaging | undefined = undefined
  #isListening = false
  #isSending = false
  /** Whether the last batch was lost: only the first loss is logged. */
  #isBlocked = false

  constructor(view: ShardView) {
    this.#view = view
    const sender = new Random().hex(SENDER_DIGITS)
    this.#outgoing = new OutgoingMessages(view.shard, sender)
    this.#incoming = new IncomingMessages(sender, this.#hear)
  }

  get missed(): number {
    return this.#incoming.missed
  }

  /** Begins to use a connection to the other nodes. */
  begin(messaging: Messaging): void {
    this.#messaging = messaging
    this.look()
  }

  /** Call it when the map has changed. */
  look(): void {
    const { engine, mapLog } = this.#view
    const messaging = this.#messaging
    if (messaging === undefined) return
    const hasOthers = mapLog.map.shards.length > 1
    engine.effects.propagation.announced.follow(this.#gather, hasOthers)
    engine.requests.turn.ended.follow(this.#send, hasOthers)
    if (!hasOthers || this.#isListening) return
    this.#isListening = true
    messaging.listen((batch) => this.#incoming.receive(batch))
  }

  // ── our messages ─────────────────────────────────────────────────────────────────

  readonly #gather = (channel: Bytes, message: Bytes): void => {
    if (!this.#outgoing.add(channel, message, this.#view.leadingEpoch > 0)) this.dropped++
    this.#view.engine.requests.turn.endSoon()
  }

  /**
   * Sends the gathered messages. While a batch is in flight more are gathered, and sent when it has
   * left.
   */
  readonly #send = (): void => {
    if (this.#isSending || this.#outgoing.isEmpty) return
    // A leader without a lease sends nothing.
    if (this.#view.engine.effects.durability.progress.answers !== false) void this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    const { log } = this.#view.engine.environment
    const messaging = this.#messaging
    assert(messaging !== undefined, 'messages are sent after `begin`')
    this.#isSending = true
    while (!this.#outgoing.isEmpty) {
      const { bytes, messages } = this.#outgoing.take(messaging.batchBytesMax)
      try {
        await messaging.send(bytes)
        this.sent += messages
        this.#isBlocked = false
      } catch (error) {
        // The batch may have arrived; its receivers know whether it has.
        this.dropped += messages
        if (!this.#isBlocked) log.warn({ error }, 'messages to other shards are lost')
        this.#isBlocked = true
        if (!(error instanceof LogError)) throw error
      }
    }
    this.#isSending = false
  }

  // ── their messages ──────────────────────────────────────────────────────────────

  readonly #hear = ({ isInLog, shard }: IncomingMessage, channel: Bytes, message: Bytes): void => {
    if (isInLog && shard === this.#view.shard) return
    this.heard++
    this.#view.engine.clients.pubSub.hear(channel, message)
  }
}
