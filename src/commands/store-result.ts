// The last step of commands that store their result under a key (SUNIONSTORE, ZRANGESTORE,
// GEOSEARCHSTORE, SORT … STORE).

import type { EventName } from '../config/event-flags.ts'
import type { Value } from '../store/structures/value.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import type { Call } from './call.ts'

/**
 * Stores a new structure under a key, whatever that held, and replies with its length. From then on
 * the database owns its memory. An empty structure removes the key instead. `count` is the number
 * of changes that Redis counts.
 */
export function storeResult(call: Call, key: Bytes, result: Value, event: EventName, count = 1): void {
  const { length } = result
  if (length > 0) {
    call.db.writeStructure(key, result)
    call.changed(key, event, count)
  } else {
    result.free()
    if (call.db.delete(key)) call.changed(key, 'del')
  }
  call.reply.integer(length)
}
