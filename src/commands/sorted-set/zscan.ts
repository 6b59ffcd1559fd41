// ZSCAN: the members of a sorted set, a few at a time.
//
// A set that Redis holds as a listpack is returned whole and in order. For other sets Redis prints
// scores with `%.17g`, in this command only (ZADD k 0.1 m, ZSCAN k 0).

import { ERR } from '../../protocol/errors.ts'
import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { formatDouble, formatDouble17 } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'
import { parseCursor, replyNothingToScan, ScanOptions, STRUCTURE_SCAN_ARGS } from '../generic/scan-arguments.ts'

const member = new Bytes()
/**
 * The handles found, reused. The number of matches must be known before the array's header is
 * written.
 */
const found: number[] = []

export const zscan = defineCommand({
  name: 'ZSCAN',
  summary: 'Walks through the members of a sorted set and their scores, a few a call.',
  group: 'sorted-set',
  since: '2.8.0',
  complexity: 'O(1) a call, O(N) for all N members',
  arity: -3,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: STRUCTURE_SCAN_ARGS,
  tips: ['nondeterministic_output'],
  reply: 'array: the next cursor (0 = the end), and an array of members and scores',
  run(call) {
    const { reply } = call
    const cursor = parseCursor(call.args.string(2))
    const set = call.db.getForRead(call.key(1), SortedSet)
    if (set === undefined) {
      replyNothingToScan(reply)
      return
    }
    const scan = new ScanOptions()
    const options = call.options(3)
    while (options.next()) if (!scan.take(options)) throw ERR.syntax
    const { count, glob } = scan
    const next = set.scan(cursor, count, found)
    let matches = found.length
    if (glob !== undefined) {
      matches = 0
      for (let i = 0; i < found.length; i++) {
        if (glob.matchesBytes(set.memberOf(itemAt(found, i), member))) found[matches++] = itemAt(found, i)
      }
    }
    const isListpack = set.encoding === 'listpack'
    reply.array(2)
    reply.text(String(next))
    reply.array(2 * matches)
    for (let i = 0; i < matches; i++) {
      reply.bulk(set.memberOf(itemAt(found, i), member))
      const score = set.scoreOf(itemAt(found, i))
      reply.text(isListpack ? formatDouble(score) : formatDouble17(score))
    }
    found.length = 0
  },
})
