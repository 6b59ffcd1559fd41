// RANDOMKEY: the name of a key, chosen by chance.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'

const name = new Bytes()

/**
 * The number of expired, hidden keys after which one of them is returned nevertheless: there may be
 * no other key.
 */
const HIDDEN_MAX = 100

export const randomkey = defineCommand({
  name: 'RANDOMKEY',
  summary: 'Returns a key chosen by chance.',
  group: 'generic',
  since: '1.0.0',
  complexity: 'O(1)',
  acl: ['keyspace'],
  arity: 1,
  flags: ['readonly'],
  tips: ['request_policy:all_shards', 'response_policy:special', 'nondeterministic_output'],
  reply: 'bulk string: a key; nil when there is none',
  run(call) {
    const { db, engine } = call
    engine.effects.durability.lookedEverywhere()
    let entry = db.keys.randomEntry(engine.environment.random)
    // Each round of this loop removes or hides an expired key. Redis, too, gives up after a number
    // of hidden keys.
    for (let hidden = 0; entry !== NONE && hidden < HIDDEN_MAX && db.expireEntry(entry, name); ) {
      if (!engine.data.dataset.removesExpired) hidden++
      entry = db.keys.randomEntry(engine.environment.random)
    }
    if (entry === NONE) call.reply.nil()
    else call.reply.bulk(db.keys.keyOf(entry, name))
  },
})
