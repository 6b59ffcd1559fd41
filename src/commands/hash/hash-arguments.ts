// The steps that several hash commands share, before and after they change a hash.

import type { Word } from '../../engine/effects/effects.ts'
import { expireHiddenField } from '../../store/hash/field-expiry.ts'
import { Hash } from '../../store/hash/hash.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'

/** Returns the hash under a key for writing, a new one if there is none. Throws ERR.wrongType. */
export function hashForAdding(call: Call, key: Bytes): Hash {
  return call.db.getForWrite(key, Hash) ?? call.db.create(key, new Hash(call.db.arena, call.db.host))
}

/** Sets a field as HSET does; returns true if it is new. */
export function setField(call: Call, key: Bytes, hash: Hash, field: Bytes, value: Bytes, keepsExpiry = false): boolean {
  // An expired field is removed by a step of its own, so that the journal gets its removal first.
  if (hash.hides) expireHiddenField(call.db, key, hash, field)
  return hash.set(field, value, keepsExpiry)
}

/**
 * Sets `count` fields to the values after them, from argument `first` on; returns how many are new.
 *
 * If memory runs out half way, the fields set so far are journaled, and an empty hash is removed.
 */
export function setFields(call: Call, hash: Hash, first: number, count: number, keepsExpiry = false): number {
  const { args } = call
  const key = call.key(1)
  let created = 0
  let done = 0
  try {
    for (; done < count; done++) {
      const i = first + 2 * done
      if (setField(call, key, hash, args.bytes(i), args.bytes(i + 1), keepsExpiry)) created++
    }
  } finally {
    if (done < count) {
      if (done > 0) {
        const words: Word[] = ['HSET', key]
        for (let i = first; i < first + 2 * done; i++) words.push(args.bytes(i))
        call.propagate(...words)
        call.changed(key, 'hset')
      } else if (hash.isEmpty) {
        call.db.delete(key)
      }
    }
  }
  return created
}
