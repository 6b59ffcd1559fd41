// KEYS: every key whose name matches a pattern.
//
// Names are compared in place, without copies.

import { numberAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { Glob } from '../../util/bytes/glob.ts'
import { defineCommand } from '../define-command.ts'

const name = new Bytes()

export const keys = defineCommand({
  name: 'KEYS',
  summary: 'Returns every key whose name matches a pattern.',
  group: 'generic',
  since: '1.0.0',
  complexity: 'O(N) with N keys in the database',
  acl: ['keyspace', 'dangerous'],
  arity: 2,
  flags: ['readonly'],
  args: [{ name: 'pattern', type: 'pattern' }],
  tips: ['request_policy:all_shards', 'nondeterministic_output_order'],
  reply: 'array: names, in no particular order',
  run(call) {
    const { db } = call
    call.engine.effects.durability.lookedEverywhere()
    const glob = new Glob(call.args.string(1))
    const { keys, size } = db
    // An array begins with its length, so all matches are found before the first is written.
    let found = new Int32Array(Math.min(size, 1024))
    let count = 0
    for (let entry = 0; entry < keys.entriesEnd; entry++) {
      if (!keys.isLive(entry) || db.isExpired(entry)) continue
      if (!glob.isEverything && !glob.matchesBytes(keys.keyOf(entry, name))) continue
      if (count === found.length) {
        const grown = new Int32Array(Math.min(size, 2 * count))
        grown.set(found)
        found = grown
      }
      found[count++] = entry
    }
    call.reply.array(count)
    for (let i = 0; i < count; i++) call.reply.bulk(keys.keyOf(numberAt(found, i), name))
  },
})
