// PFADD: counts elements in.

import { ERR } from '../../protocol/errors.ts'
import { CHANGED, CORRUPT, forgetCount, isDense, placeOf } from '../../store/derived/hyperloglog.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'
import { StoredHyperLogLog } from './stored.ts'

const stored = new StoredHyperLogLog()

export const pfadd = defineCommand({
  name: 'PFADD',
  summary: 'Adds elements to a HyperLogLog, creating it if needed.',
  group: 'hyperloglog',
  since: '2.8.9',
  complexity: 'O(1) for each element.',
  arity: -2,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'insert' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'element', type: 'string', optional: true, multiple: true },
  ],
  reply: 'integer: 1 when a register changed or the key was created, else 0',
  run(call) {
    const { args, db } = call
    const key = call.key(1)
    const entry = db.findForWrite(key)
    let changes = 0
    if (entry === NONE) {
      stored.create(db, key)
      changes++
    } else {
      stored.open(db, entry)
    }
    // A dense HyperLogLog never becomes sparse again.
    const bytesMax = isDense(stored.bytes) ? 0 : call.engine.config.get('hll-sparse-max-bytes')
    let i = 2
    try {
      for (; i < args.length; i++) {
        const outcome = stored.add(placeOf(args.bytes(i)), bytesMax)
        if (outcome === CHANGED) changes++
        else if (outcome === CORRUPT) throw ERR.corruptHyperLogLog
      }
    } finally {
      // Elements that were added before a failure stay. Redis reports no change; the journal needs
      // it. The journal gets the bytes: the command would be refused again when it is replayed, and
      // a file with a refused command is damaged.
      if (i < args.length && changes > 0) {
        call.changedWithin(key, changes)
        call.propagate('SET', key, stored.bytes.toString(), 'KEEPTTL')
      }
    }
    if (changes > 0) {
      forgetCount(stored.bytes)
      call.changed(key, 'pfadd', changes)
    }
    call.reply.integer(changes > 0 ? 1 : 0)
  },
})
