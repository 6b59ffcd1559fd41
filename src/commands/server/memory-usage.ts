// MEMORY USAGE: the bytes one key takes; redis-cli --memkeys adds them up.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'

export const memoryUsage = defineCommand({
  name: 'MEMORY USAGE',
  summary: 'Returns how many bytes a key and its value take.',
  group: 'server',
  since: '4.0.0',
  complexity: 'O(1): of a large structure some elements are measured',
  arity: -3,
  flags: ['readonly'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RO' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'count', type: 'integer', token: 'SAMPLES', optional: true },
  ],
  reply: 'integer: bytes; nil when the key does not exist',
  run(call) {
    const options = call.options(3)
    while (options.next()) {
      if (!options.is('SAMPLES')) throw ERR.syntax
      // The number of elements to measure in a large value; here it has no effect.
      options.integer(0, Number.MAX_SAFE_INTEGER, ERR.syntax)
    }
    const entry = call.db.find(call.key(2))
    if (entry === NONE) call.reply.nil()
    else call.reply.integer(call.db.entryBytes(entry))
  },
})
