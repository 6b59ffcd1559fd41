// WATCH, UNWATCH: EXEC does nothing if one of the keys has changed by then.

import { defineCommand } from '../../engine/command.ts'
import { nameKey } from '../../engine/transaction.ts'
import { ERR } from '../../protocol/errors.ts'

export const watch = defineCommand({
  name: 'WATCH',
  summary: 'Makes EXEC conditional on keys not changing.',
  group: 'transactions',
  since: '2.2.0',
  complexity: 'O(1) for every key',
  arity: -2,
  flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
  keys: [{ first: 1, last: -1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key', multiple: true }],
  reply: 'OK',
  run(call) {
    const { client, engine, db } = call
    if (client.transaction !== undefined) throw ERR.of('WATCH inside MULTI is not allowed')
    for (let i = 1; i < call.args.length; i++) {
      // A key whose time is up already goes now: its end is no change after WATCH.
      db.find(call.key(i))
      engine.watches.add(client, nameKey(db.index, call.key(i)))
    }
    engine.updateObserving()
    call.reply.ok()
  },
})

export const unwatch = defineCommand({
  name: 'UNWATCH',
  summary: 'Forgets the watched keys.',
  group: 'transactions',
  since: '2.2.0',
  complexity: 'O(1) for every key watched',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
  reply: 'OK',
  run({ client, engine, reply }) {
    engine.watches.clear(client)
    engine.updateObserving()
    reply.ok()
  },
})
