// PFCOUNT: the approximate number of different elements in a HyperLogLog, or in several together.
//
// The count of a single HyperLogLog is stored in it until it changes. So this reading command
// writes and is journaled, as in Redis.

import { ERR } from '../../protocol/errors.ts'
import { estimate, estimateOf, mergeInto, REGISTERS, storeCount, storedCount } from '../../store/derived/hyperloglog.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { hyperLogLogOf } from './stored.ts'

const value = new Bytes()
const union = new Uint8Array(REGISTERS)

export const pfcount = defineCommand({
  name: 'PFCOUNT',
  summary: 'Estimates how many different elements were added to HyperLogLogs.',
  group: 'hyperloglog',
  since: '2.8.9',
  complexity: 'O(1) for one key, and then mostly a look at the stored count; O(n) for n keys.',
  arity: -2,
  flags: ['readonly', 'may_replicate'],
  keys: [{ first: 1, last: -1, step: 1, access: 'RW', use: 'access' }],
  args: [{ name: 'key', type: 'key', multiple: true }],
  reply: 'integer: the estimate, 0 when no key exists',
  run(call) {
    call.reply.integer(call.args.length === 2 ? countOne(call) : countUnion(call))
  },
})

function countOne(call: Call): number | bigint {
  const { db } = call
  const key = call.key(1)
  let entry = db.findForRead(key)
  if (entry === NONE) return 0
  hyperLogLogOf(db, entry, value)
  const stored = storedCount(value)
  if (stored === undefined) entry = db.findForWrite(key)
  // As in Redis, the encoding is raw from now on, even if nothing changes.
  db.strings.resize(entry, value.length, value)
  if (stored !== undefined) return stored
  const count = estimate(value)
  if (count === undefined) throw ERR.corruptHyperLogLog
  storeCount(value, count)
  call.changed(key, 'untold')
  return count
}

function countUnion(call: Call): number {
  union.fill(0)
  for (let i = 1; i < call.args.length; i++) {
    const entry = call.db.findForRead(call.key(i))
    if (entry === NONE) continue
    if (!mergeInto(union, hyperLogLogOf(call.db, entry, value))) throw ERR.corruptHyperLogLog
  }
  return estimateOf(union)
}
