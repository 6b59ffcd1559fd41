// RANDOMKEY: the name of a key, chosen by chance.

import { defineCommand } from '../../engine/command.ts'
import { NONE } from '../../store/keyspace.ts'
import { Bytes } from '../../util/bytes.ts'

const name = new Bytes()

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
    engine.durability.lookedEverywhere()
    let entry = db.keys.randomEntry(engine.random)
    // Each turn of this loop removes a key that nobody could see any more.
    while (entry !== NONE && db.expireEntry(entry, name)) entry = db.keys.randomEntry(engine.random)
    if (entry === NONE) call.reply.nil()
    else call.reply.bulk(db.keys.keyOf(entry, name))
  },
})
