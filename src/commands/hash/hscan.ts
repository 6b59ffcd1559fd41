// HSCAN: the fields of a hash, a few at a time.

import { ERR } from '../../protocol/errors.ts'
import { Hash } from '../../store/hash/hash.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { parseCursor, replyNothingToScan, ScanOptions, STRUCTURE_SCAN_ARGS } from '../generic/scan-arguments.ts'

const window = new Bytes()
/**
 * The slots found, reused. The number of matches must be known before the array's header is
 * written.
 */
const found: number[] = []

export const hscan = defineCommand({
  name: 'HSCAN',
  summary: 'Walks through the fields of a hash, a few a call.',
  group: 'hash',
  since: '2.8.0',
  complexity: 'O(1) a call, O(N) for all N fields',
  arity: -3,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    ...STRUCTURE_SCAN_ARGS,
    { name: 'novalues', type: 'pure-token', token: 'NOVALUES', optional: true, since: '7.4.0' },
  ],
  tips: ['nondeterministic_output'],
  reply: 'array: the next cursor (0 = the end), and an array of fields and values',
  history: [['7.4.0', 'Leaves the values out with `NOVALUES`.']],
  run(call) {
    const { reply } = call
    const cursor = parseCursor(call.args.string(2))
    const hash = call.db.getForRead(call.key(1), Hash)
    if (hash === undefined) {
      replyNothingToScan(reply)
      return
    }
    const scan = new ScanOptions()
    let values = true
    const options = call.options(3)
    while (options.next()) {
      if (options.is('NOVALUES')) values = false
      else if (!scan.take(options)) throw ERR.syntax
    }
    const { count, glob } = scan
    const next = hash.scan(cursor, count, found)
    let matches = found.length
    if (glob !== undefined) {
      matches = 0
      for (let i = 0; i < found.length; i++) {
        if (glob.matchesBytes(hash.fieldOf(itemAt(found, i), window))) found[matches++] = itemAt(found, i)
      }
    }
    reply.array(2)
    reply.text(String(next))
    reply.array(values ? 2 * matches : matches)
    for (let i = 0; i < matches; i++) {
      reply.bulk(hash.fieldOf(itemAt(found, i), window))
      if (values) reply.bulk(hash.valueOf(itemAt(found, i), window))
    }
    found.length = 0
  },
})
