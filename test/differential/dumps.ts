// RESTORE of payloads made by hand, sound and damaged. What DUMP gives has an order and a compression of its own in each
// server: that they understand each other is test/persistence/rdb/interchange.test.ts's.

import type { Random } from '../../src/util/numbers/random.ts'
import { double, intset, listpack, payload, string, ziplist, zipmap } from '../persistence/rdb/blobs.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

const PAYLOADS = [
  payload(0, string('restored')),
  payload(0, '\xc0\x05'),
  payload(0, '\xc3\x07\x40\x5a\x02abc\xe0\x4e\x02'),
  payload(1, `\x02${string('a')}\xc0\x05`),
  payload(2, `\x02${string('a')}\xc0\x05`),
  payload(3, `\x02${string('a')}\x031.5\x01b\xfe`),
  payload(4, `\x02${string('a')}\xc0\x05\x01b\x01c`),
  payload(5, `\x02${string('a')}${double(1)}\x01b${double(-2.5)}`),
  payload(9, string(zipmap(['f', 'v', 1], ['g', 'w']))),
  payload(10, string(ziplist('a', { integer: 70000n, as: 24 }, 'x'.repeat(70)))),
  payload(11, string(intset(4, -70000n, 1n, 2n))),
  payload(12, string(ziplist('a', { integer: 1n, as: 'immediate' }, 'b', '1.5'))),
  payload(13, string(ziplist('a', { integer: 1n, as: 8 }, 'b', '1.5'))),
  payload(14, `\x02${string(ziplist('a'))}${string(ziplist('b'))}`),
  payload(16, string(listpack('a', 1, 'b', 70000))),
  payload(17, string(listpack('a', 1, 'b', '1.5'))),
  payload(18, `\x02\x02${string(listpack('a', 300))}\x01\x01b`),
]

const REFUSED = [
  '',
  'x',
  payload(0, string('new'), 999),
  payload(0, '\x20cut'),
  payload(1, '\0'),
  payload(2, `\x02${string('a')}${string('a')}`),
  payload(8, string('v')),
  payload(16, string(listpack())),
  payload(16, string(listpack('odd'))),
  payload(11, string(intset(2, 5n).slice(0, -1))),
  payload(200, string('v')),
]

/** A command about payloads. Far expiries are all different; near ones have passed long ago. */
export function dumpCommand(random: Random): string[] {
  const key = values.key(random, 'generic')
  if (chance(random, 5)) return pick(random, [['DUMP', 'never'], ['DUMP'], ['DUMP', 'a', 'b'], ['RESTORE', 'k', '0']])
  const words = ['RESTORE', key, '0', pick(random, chance(random, 75) ? PAYLOADS : REFUSED)]
  if (chance(random, 30)) {
    words[2] = pick(random, [String(4_102_444_800_000 + random.below(1e9)), '1', 'x', '-1', '9223372036854775807'])
    words.push(pick(random, ['ABSTTL', 'absttl']))
  }
  if (chance(random, 60)) words.push('REPLACE')
  if (chance(random, 15)) {
    words.push(...pick(random, [['IDLETIME', '100'], ['FREQ', '10'], ['IDLETIME', '-1'], ['FREQ', '256'], ['FREQ', 'x'], ['FREQ', '1', 'IDLETIME', '1'], ['NOSUCH']])) // biome-ignore format: one line
  }
  return words
}
