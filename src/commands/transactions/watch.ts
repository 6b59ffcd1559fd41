// WATCH, UNWATCH: make EXEC do nothing if one of the keys has changed by then.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

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
  duringMulti: 'runs',
  changesConnection: 'state',
  run(call) {
    const { client, db } = call
    const {
      data: { watches },
    } = call.engine
    if (client.requests.transaction !== undefined) throw ERR.of('WATCH inside MULTI is not allowed')
    for (let i = 1; i < call.args.length; i++) {
      // A key that has expired is removed now, so that its removal is no change after WATCH.
      db.find(call.key(i))
      watches.add(client.watched, db, call.key(i))
    }
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
  changesConnection: 'state',
  run(call) {
    call.engine.data.watches.clear(call.client.watched)
    call.reply.ok()
  },
})
