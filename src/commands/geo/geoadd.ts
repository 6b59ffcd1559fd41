// GEOADD: a ZADD whose scores are places.
//
// It is run and journaled as ZADD. Scores are replayed exactly, even if a later version computes
// another score for the same degrees.

import { Arguments } from '../../protocol/arguments.ts'
import { ERR } from '../../protocol/errors.ts'
import { type Place, scoreOf } from '../../store/derived/geohash.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { writeInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { zadd } from '../sorted-set/zadd.ts'
import { readPlace } from './place-arguments.ts'

/** The longest score: 2^54 has 17 digits. */
const SCORE_BYTES_MAX = 20

const place: Place = { longitude: 0, latitude: 0 }
const zaddWord = Bytes.from('ZADD')
const rewritten = new Arguments()
/** The scores of the running call as text; grows with the longest call. */
const texts = {
  digits: Source.allocate(64 * SCORE_BYTES_MAX),
}

/** Number of options after the key. */
function optionsEnd(call: Call): number {
  const { args } = call
  let nx = false
  let xx = false
  let i = 2
  for (; i < args.length; i++) {
    if (args.equalsIgnoreCase(i, 'NX')) nx = true
    else if (args.equalsIgnoreCase(i, 'XX')) xx = true
    else if (!args.equalsIgnoreCase(i, 'CH')) break
  }
  if ((nx && xx) || (args.length - i) % 3 !== 0) throw ERR.syntax
  return i
}

export const geoadd = defineCommand({
  name: 'GEOADD',
  summary: 'Adds members to a sorted set at places given by longitude and latitude.',
  group: 'geo',
  since: '3.2.0',
  complexity: 'O(log(N)) for each member added, where N is the number of members.',
  arity: -5,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'condition',
      type: 'oneof',
      optional: true,
      since: '6.2.0',
      args: [
        { name: 'nx', type: 'pure-token', token: 'NX' },
        { name: 'xx', type: 'pure-token', token: 'XX' },
      ],
    },
    { name: 'change', type: 'pure-token', token: 'CH', optional: true, since: '6.2.0' },
    {
      name: 'data',
      type: 'block',
      multiple: true,
      args: [
        { name: 'longitude', type: 'double' },
        { name: 'latitude', type: 'double' },
        { name: 'member', type: 'string' },
      ],
    },
  ],
  reply: 'integer: how many members are new, with `CH` how many are new or moved',
  history: [['6.2.0', 'Takes `CH`, `NX` and `XX`.']],
  run(call) {
    const { args } = call
    const first = optionsEnd(call)
    const members = (args.length - first) / 3
    if (members * SCORE_BYTES_MAX > texts.digits.u8.length)
      texts.digits = Source.allocate(2 * members * SCORE_BYTES_MAX)
    rewritten.length = first + 2 * members
    copyWindow(0, zaddWord)
    for (let i = 1; i < first; i++) copyWindow(i, args.bytes(i))
    for (let i = 0; i < members; i++) {
      readPlace(call, first + 3 * i, place)
      const at = i * SCORE_BYTES_MAX
      const length = writeScore(scoreOf(place.longitude, place.latitude), at)
      rewritten.window(first + 2 * i).set(texts.digits, at, length)
      copyWindow(first + 2 * i + 1, args.bytes(first + 3 * i + 2))
    }
    // The rest of the code sees this request.
    call.args = rewritten
    zadd.run!(call)
  },
})

function copyWindow(i: number, from: Bytes): void {
  rewritten.window(i).set(from.source, from.start, from.length)
}

/** Writes a score in decimal. */
function writeScore(score: number, at: number): number {
  if (Number.isSafeInteger(score)) return writeInteger(score, texts.digits.u8, at)
  // The eastern edge of the map.
  return texts.digits.u8.write(BigInt(score).toString(), at, 'latin1')
}
