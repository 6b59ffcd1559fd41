// PFMERGE: joins several HyperLogLogs into one.

import { ERR } from '../../protocol/errors.ts'
import { CORRUPT, forgetCount, isDense, mergeInto, REGISTERS, writeDense } from '../../store/derived/hyperloglog.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { byteAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { hyperLogLogOf, StoredHyperLogLog } from './stored.ts'

const value = new Bytes()
const union = new Uint8Array(REGISTERS)
const stored = new StoredHyperLogLog()

export const pfmerge = defineCommand({
  name: 'PFMERGE',
  summary: 'Merges HyperLogLogs into one, which takes part itself if it exists.',
  group: 'hyperloglog',
  since: '2.8.9',
  complexity: 'O(n) for n keys.',
  arity: -2,
  flags: ['write', 'denyoom'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'insert'] },
    { first: 2, last: -1, step: 1, access: 'RO', use: 'access' },
  ],
  args: [
    { name: 'destkey', type: 'key' },
    { name: 'sourcekey', type: 'key', optional: true, multiple: true },
  ],
  reply: 'OK',
  run(call) {
    const { db } = call
    const destination = call.key(1)
    union.fill(0)
    let wantsDense = false
    for (let i = 1; i < call.args.length; i++) {
      const entry = db.findForRead(call.key(i))
      if (entry === NONE) continue
      hyperLogLogOf(db, entry, value)
      if (isDense(value)) wantsDense = true
      if (!mergeInto(union, value)) throw ERR.corruptHyperLogLog
    }

    const entry = db.findForWrite(destination)
    if (entry === NONE) stored.create(db, destination)
    else stored.open(db, entry)
    // A sparse HyperLogLog is changed register by register: its bytes depend on the order in which
    // runs are split and joined.
    const bytesMax = call.engine.config.get('hll-sparse-max-bytes')
    if (wantsDense && !isDense(stored.bytes)) stored.makeDense()
    for (let i = 0; i < REGISTERS && !isDense(stored.bytes); i++) {
      if (union[i] !== 0 && stored.add(byteAt(union, i) * REGISTERS + i, bytesMax) === CORRUPT)
        throw ERR.corruptHyperLogLog
    }
    if (isDense(stored.bytes)) writeDense(stored.bytes, union)
    forgetCount(stored.bytes)
    call.changed(destination, 'pfadd')
    call.reply.ok()
  },
})
