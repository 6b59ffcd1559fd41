// SSCAN: the members of a set, a few at a time.

import { ERR } from '../../protocol/errors.ts'
import { MemberSet } from '../../store/set/member-set.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { parseCursor, replyNothingToScan, ScanOptions, STRUCTURE_SCAN_ARGS } from '../generic/scan-arguments.ts'

const member = new Bytes()
/**
 * The slots found, reused. The number of matches must be known before the array's header is
 * written.
 */
const found: number[] = []

export const sscan = defineCommand({
  name: 'SSCAN',
  summary: 'Walks through the members of a set, a few a call.',
  group: 'set',
  since: '2.8.0',
  complexity: 'O(1) a call, O(N) for all N members',
  arity: -3,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: STRUCTURE_SCAN_ARGS,
  tips: ['nondeterministic_output'],
  reply: 'array: the next cursor (0 = the end), and an array of members',
  run(call) {
    const { reply } = call
    const cursor = parseCursor(call.args.string(2))
    const set = call.db.getForRead(call.key(1), MemberSet)
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
    reply.array(2)
    reply.text(String(next))
    reply.array(matches)
    for (let i = 0; i < matches; i++) reply.bulk(set.memberOf(itemAt(found, i), member))
    found.length = 0
  },
})
