// The ids that messages had lately (PUBLISH … ID), so that one that is sent again is published once.
//
// A hash for each channel: field id, value what the first was answered. Each field expires when the channel's `dedupe` time is over,
// as fields of any hash do: what is too old goes by itself, after a restart too, and is journaled as HSETEX, which needs no rule.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import type { EventName } from '../../config/event-flags.ts'
import type { Word } from '../../engine/effects/effects.ts'
import { expireHiddenField, noteFieldExpiry } from '../../store/hash/field-expiry.ts'
import { Hash } from '../../store/hash/hash.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_HASH } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { idsKey } from './channel-keys.ts'

/** What the sender of a message is answered: how many received it; or, of one that is scheduled, its id. */
export type Answer = number | Bytes

/** Stands for an answer that is the id. */
const ID = 'id'

export interface RecentIdsHost {
  /** Where the ids lie. */
  readonly db: Database
  /** A key has changed: what is said of it, and what has to be propagated. */
  changedKey(key: Bytes, event: EventName, words: readonly Word[]): void
}

export class RecentIds {
  readonly #host: RecentIdsHost

  constructor(host: RecentIdsHost) {
    this.#host = host
  }

  /** Returns what the first message of an id was answered; undefined = there was none lately. */
  find(kind: ChannelKind, channel: string, id: Bytes): Answer | undefined {
    const { db } = this.#host
    const entry = db.find(Bytes.from(idsKey(kind, channel)))
    if (entry === NONE || db.typeOf(entry) !== TYPE_HASH) return undefined
    const value = new Bytes()
    if (!(db.structureOf(entry) as Hash).get(id, value)) return undefined
    const text = value.toString()
    return text === ID ? id : Number(text)
  }

  /** Remembers what a message was answered until a time. Throws what the store throws. */
  add(kind: ChannelKind, channel: string, id: Bytes, answer: Answer, untilMs: number): void {
    const { db } = this.#host
    const key = Bytes.from(idsKey(kind, channel))
    const value = Bytes.from(typeof answer === 'number' ? String(answer) : ID)
    const hash = db.getForWrite(key, Hash) ?? db.create(key, new Hash(db.arena, db.host))
    try {
      expireHiddenField(db, key, hash, id)
      hash.set(id, value)
      hash.setExpiry(hash.find(id), untilMs)
    } finally {
      if (hash.length === 0) db.delete(key)
    }
    noteFieldExpiry(db, db.keys.find(key), hash)
    this.#host.changedKey(key, 'hset', ['HSETEX', key, 'PXAT', untilMs, 'FIELDS', 1, id, value])
  }
}
