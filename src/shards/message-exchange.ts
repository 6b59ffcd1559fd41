// Messages between shards: what is published at this node is sent to the nodes of the others, and what is published there is heard here.
//
//   PUBLISH, keyspace event ──▶ gathered ──(turn's end; one batch under way)──▶ messaging of the map's log ──▶ all nodes of all shards
//                                                                                                                 │
//   subscribers here ◀── not from a log, and not ours ◀───────────────────────────────────────────────────────────┘
//
// A leader's messages are in its shard's log, so the nodes of that shard have them from there. A follower's are in none: they are heard by its own shard, too, this
// way. They are heard once, in the order in which their node has published them, or not at all: nobody waits for them, and none is sent again. What does not find room,
// or the way, is dropped and counted.
//
// Nothing of this happens where there is one shard.

import type { MessageFigures } from '../engine/cluster-view/cluster-view.ts'
import { LogError } from '../replicated-log/log.ts'
import type { Messaging } from '../replicated-log/messaging.ts'
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
  /** The last batch was lost: that is said once. */
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

  /** The way to the others is there. */
  begin(messaging: Messaging): void {
    this.#messaging = messaging
    this.look()
  }

  /** To be called when there is another map. */
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

  // ── ours ─────────────────────────────────────────────────────────────────

  readonly #gather = (channel: Bytes, message: Bytes): void => {
    if (!this.#outgoing.add(channel, message, this.#view.leadingEpoch > 0)) this.dropped++
    this.#view.engine.requests.turn.endSoon()
  }

  /** Sends what gathered, unless a batch is under way: then it goes with what gathers until that has left. */
  readonly #send = (): void => {
    if (this.#isSending || this.#outgoing.isEmpty) return
    // A leader without a lease says nothing to anybody.
    if (this.#view.engine.effects.durability.progress.answers !== false) void this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    const { log } = this.#view.engine.environment
    const messaging = this.#messaging!
    this.#isSending = true
    while (!this.#outgoing.isEmpty) {
      const { bytes, messages } = this.#outgoing.take(messaging.batchBytesMax)
      try {
        await messaging.send(bytes)
        this.sent += messages
        this.#isBlocked = false
      } catch (error) {
        // It may have arrived. Others know whether it has.
        this.dropped += messages
        if (!this.#isBlocked) log.warn({ error }, 'messages to other shards are lost')
        this.#isBlocked = true
        if (!(error instanceof LogError)) throw error
      }
    }
    this.#isSending = false
  }

  // ── others' ──────────────────────────────────────────────────────────────

  readonly #hear = ({ isInLog, shard }: IncomingMessage, channel: Bytes, message: Bytes): void => {
    if (isInLog && shard === this.#view.shard) return
    this.heard++
    this.#view.engine.clients.pubSub.hear(channel, message)
  }
}
