// The ids of recently published messages (PUBLISH … ID), so that a message that is sent again is
// published once.
//
// Each channel has a hash: the field is the id, and the value is the reply to the first publish.
// Each field expires when the channel's `dedupe` time is over, like fields of any hash. So old ids
// go by themselves, after a restart too. They are journaled as HSETEX, which needs no rule to
// replay.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import { expireHiddenField, noteFieldExpiry } from '../../store/hash/field-expiry.ts'
import { Hash } from '../../store/hash/hash.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_HASH } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { idsKey } from './channel-keys.ts'
import type { StoredKeys } from './stored-keys.ts'

/**
 * The reply to the sender of a message: the number of receivers, or the id of a scheduled message.
 */
export type Answer = number | Bytes

/** Stored in place of a reply that is the id. */
const ID = 'id'

export class RecentIds {
  readonly #keys: StoredKeys

  constructor(keys: StoredKeys) {
    this.#keys = keys
  }

  /** Returns the reply to the first message with an id; undefined when there was none recently. */
  find(kind: ChannelKind, channel: string, id: Bytes): Answer | undefined {
    const { db } = this.#keys
    const entry = db.find(Bytes.from(idsKey(kind, channel)))
    if (entry === NONE || db.typeOf(entry) !== TYPE_HASH) return undefined
    const value = new Bytes()
    if (!(db.structureOf(entry) as Hash).get(id, value)) return undefined
    const text = value.toString()
    return text === ID ? id : Number(text)
  }

  /** Remembers the reply to a message until `untilMs`. Throws the store's errors. */
  add(kind: ChannelKind, channel: string, id: Bytes, answer: Answer, untilMs: number): void {
    const { db } = this.#keys
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
    this.#keys.changedKey(key, 'hset', ['HSETEX', key, 'PXAT', untilMs, 'FIELDS', 1, id, value])
  }
}
