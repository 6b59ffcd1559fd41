// PFDEBUG: the contents of a HyperLogLog, for tests of implementations.

import { ERR, printable, ReplyError } from '../../protocol/errors.ts'
import { isDense, REGISTERS, Runs, registerOf } from '../../store/derived/hyperloglog.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { StoredHyperLogLog } from './stored.ts'

const stored = new StoredHyperLogLog()

export const pfdebug = defineCommand({
  name: 'PFDEBUG',
  summary: 'Shows or changes the inner representation of a HyperLogLog, for tests.',
  group: 'hyperloglog',
  docFlags: ['syscmd'],
  since: '2.8.9',
  complexity: 'O(1): all registers are looked at.',
  arity: 3,
  flags: ['write', 'denyoom', 'admin'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RW', use: 'access' }],
  args: [
    { name: 'subcommand', type: 'string' },
    { name: 'key', type: 'key' },
  ],
  reply: 'depends on the subcommand: GETREG an array of registers, DECODE text, ENCODING a status, TODENSE an integer',
  run(call) {
    const { args, db, reply } = call
    const key = call.key(2)
    const entry = db.findForWrite(key)
    if (entry === NONE) throw ERR.pfdebugNoKey
    stored.open(db, entry)
    const wasDense = isDense(stored.bytes)
    if (args.equalsIgnoreCase(1, 'DECODE')) {
      if (wasDense) throw ERR.pfdebugNotSparse
      return reply.text(decode(stored.bytes))
    }
    if (args.equalsIgnoreCase(1, 'ENCODING')) return reply.status(wasDense ? 'dense' : 'sparse')
    const lists = args.equalsIgnoreCase(1, 'GETREG')
    if (!lists && !args.equalsIgnoreCase(1, 'TODENSE')) {
      const name = printable(args.string(1), Number.POSITIVE_INFINITY)
      throw new ReplyError(`ERR Unknown PFDEBUG subcommand '${name}'`)
    }
    if (!wasDense) {
      if (!stored.makeDense()) throw ERR.corruptHyperLogLog
      // The registers stay the same in another form: that is journaled, but is no change for WATCH.
      call.changedWithin(call.key(2))
    }
    if (!lists) return reply.integer(wasDense ? 0 : 1)
    reply.array(REGISTERS)
    for (let i = 0; i < REGISTERS; i++) reply.integer(registerOf(stored.bytes, i))
  },
})

/**
 * Lists the runs of a sparse HyperLogLog: `z:3` three zeros, `Z:300` 300 zeros in a long run,
 * `v:5,2` two registers of 5.
 */
function decode(bytes: Bytes): string {
  const words: string[] = []
  const run = new Runs(bytes)
  while (run.next()) {
    if (run.value > 0) words.push(`v:${run.value},${run.length}`)
    else words.push(`${bytes.at(run.at) < 0x40 ? 'z' : 'Z'}:${run.length}`)
  }
  return words.join(' ')
}
