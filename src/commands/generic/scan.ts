// SCAN: all keys, a few at a time.
//
// A key's entry never moves while the key lives, so the cursor is the number of the next entry. A
// key that exists from the first call to the last is returned exactly once, however many keys are
// added and removed meanwhile.
//
// Free entries are passed quickly, but not for free. Their number in one call is bounded, so a call
// is short even if the table once held a million keys.

import { ERR } from '../../protocol/errors.ts'
import { TYPE_NAMES } from '../../store/structures/value.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Glob } from '../../util/bytes/glob.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { parseCursor, ScanOptions } from './scan-arguments.ts'

/** Redis visits at most ten buckets for each requested key, empty or not. */
const LOOKS_PER_COUNT = 10
/**
 * Free entries passed in one call: for each requested key, and at least. They take some ten
 * microseconds.
 */
const FREE_PER_COUNT = 100
const FREE_MIN = 4096

const name = new Bytes()

export const scan = defineCommand({
  name: 'SCAN',
  summary: 'Walks through the keys of the database, a few a call.',
  group: 'generic',
  since: '2.8.0',
  complexity: 'O(1) a call, O(N) for all N keys',
  acl: ['keyspace'],
  arity: -2,
  flags: ['readonly'],
  args: [
    { name: 'cursor', type: 'integer' },
    { name: 'pattern', type: 'pattern', token: 'MATCH', optional: true },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
    { name: 'type', type: 'string', token: 'TYPE', optional: true, since: '6.0.0' },
  ],
  tips: ['nondeterministic_output', 'request_policy:special', 'response_policy:special'],
  reply: 'array: the next cursor (0 = the end), and an array of names',
  history: [['6.0.0', 'Selects by type with `TYPE`.']],
  run(call) {
    const cursor = parseCursor(call.args.string(1))
    const scan = new ScanOptions()
    let type: number | undefined
    const options = call.options(2)
    while (options.next()) {
      if (options.is('TYPE') && options.has(1)) {
        // In Redis 7.2 an unknown type is no error; no key matches it.
        type = (TYPE_NAMES as readonly string[]).indexOf(options.string().toLowerCase())
      } else if (!scan.take(options)) {
        throw ERR.syntax
      }
    }
    call.engine.effects.durability.lookedEverywhere()
    walk(call, cursor, scan.count, scan.glob, type)
  },
})

function walk(call: Call, cursor: number, count: number, glob: Glob | undefined, type: number | undefined): void {
  const { db } = call
  const { keys } = db
  const found: number[] = []
  let looks = count * LOOKS_PER_COUNT
  let free = count * FREE_PER_COUNT + FREE_MIN
  let entry = cursor
  for (; entry < keys.entriesEnd && found.length < count && looks > 0 && free > 0; entry++) {
    if (!keys.isLive(entry)) {
      free--
      continue
    }
    looks--
    if (glob !== undefined && !glob.matchesBytes(keys.keyOf(entry, name))) continue
    if (db.expireEntry(entry, name)) continue
    if (type === undefined || db.typeOf(entry) === type) found.push(entry)
  }
  call.reply.array(2)
  call.reply.text(entry < keys.entriesEnd ? String(entry) : '0')
  call.reply.array(found.length)
  for (let i = 0; i < found.length; i++) call.reply.bulk(keys.keyOf(itemAt(found, i), name))
}
