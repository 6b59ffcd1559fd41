// SSCAN: the members of a set, a few at a time.

import { defineCommand } from '../../engine/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { MemberSet } from '../../store/member-set.ts'
import { Bytes } from '../../util/bytes.ts'
import { Glob } from '../../util/glob.ts'
import { parseCursor, readScanCount } from '../generic/scan-arguments.ts'

const member = new Bytes()
/** Slots found, reused; how many match must be known before the array's header can be written. */
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
  args: [
    { name: 'key', type: 'key' },
    { name: 'cursor', type: 'integer' },
    { name: 'pattern', type: 'pattern', token: 'MATCH', optional: true },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
  ],
  tips: ['nondeterministic_output'],
  reply: 'array: the next cursor (0 = the end), and an array of members',
  run(call) {
    const { reply } = call
    const cursor = parseCursor(call.args.string(2))
    const set = call.db.getForRead(call.key(1), MemberSet)
    if (set === undefined) {
      // Redis looks at the options only where there is something to scan.
      reply.array(2)
      reply.text('0')
      reply.array(0)
      return
    }
    let count = 10
    let glob: Glob | undefined
    const options = call.options(3)
    while (options.next()) {
      if (options.is('COUNT') && options.has(1)) count = readScanCount(options.bytes())
      else if (options.is('MATCH') && options.has(1)) glob = new Glob(options.string())
      else throw ERR.syntax
    }
    const next = set.scan(cursor, count, found)
    let matches = found.length
    if (glob !== undefined && !glob.isEverything) {
      matches = 0
      for (let i = 0; i < found.length; i++) {
        if (glob.matchesBytes(set.memberOf(found[i]!, member))) found[matches++] = found[i]!
      }
    }
    reply.array(2)
    reply.text(String(next))
    reply.array(matches)
    for (let i = 0; i < matches; i++) reply.bulk(set.memberOf(found[i]!, member))
    found.length = 0
  },
})
