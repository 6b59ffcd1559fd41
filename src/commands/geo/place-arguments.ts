// The arguments of geo commands, and how they print places and distances.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR, ReplyError } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import { isOnMap, type Place, placeOfScore } from '../../store/derived/geohash.ts'
import type { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { readScore } from '../sorted-set/sorted-set-arguments.ts'

/**
 * Reads arguments `i` and `i + 1` as longitude and latitude. Throws if they are no numbers or lie
 * outside the map.
 */
export function readPlace(call: Call, i: number, place: Place): void {
  const longitude = readScore(call, i)
  const latitude = readScore(call, i + 1)
  if (!isOnMap(longitude, latitude)) {
    throw new ReplyError(`ERR invalid longitude,latitude pair ${sixDecimals(longitude)},${sixDecimals(latitude)}`)
  }
  place.longitude = longitude
  place.latitude = latitude
}

/** Sets `place` to the place of a member. Throws if it is not in the set. */
export function placeOfMember(set: SortedSet, member: Bytes, place: Place): void {
  const score = set.score(member)
  if (score === undefined) throw ERR.geoNoMember
  placeOfScore(score, place)
}

/** Returns the length in metres of the unit that argument `i` names. */
export function readUnit(call: Call, i: number): number {
  const { args } = call
  if (args.equalsIgnoreCase(i, 'M')) return 1
  if (args.equalsIgnoreCase(i, 'KM')) return 1000
  if (args.equalsIgnoreCase(i, 'FT')) return 0.3048
  if (args.equalsIgnoreCase(i, 'MI')) return 1609.34
  throw ERR.geoUnit
}

/** Replies with longitude and latitude. */
export function replyPlace(reply: Reply, { longitude, latitude }: Place): void {
  reply.array(2)
  reply.printedDouble(seventeenDecimals(longitude))
  reply.printedDouble(seventeenDecimals(latitude))
}

/** Replies with a distance, always with four decimals. */
export function replyDistance(reply: Reply, distance: number): void {
  // Redis 7.2 rounds the product to even; 7.0 rounded the exact value (`%.4f`), which hardly ever
  // differs.
  const scaled = distance * 10000
  let units = Math.round(scaled)
  if (units - scaled === 0.5 && units % 2 !== 0) units--
  const whole = Math.floor(units / 10000)
  reply.text(`${whole}.${String(units - whole * 10000).padStart(4, '0')}`)
}

/** C's `%.6f`. */
function sixDecimals(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  return Math.abs(value) < 1e21 ? fixed(value, 6) : `${BigInt(value)}.000000`
}

/** C's `%.17Lf` without zeros at the end. */
function seventeenDecimals(value: number): string {
  return fixed(value, 17).replace(/\.?0+$/, '')
}

/**
 * Prints a number with this many decimals. C rounds a number exactly in the middle to the even
 * digit, JavaScript rounds it up.
 */
function fixed(value: number, decimals: number): string {
  // A number exactly in the middle is an odd multiple of 2 ** -(decimals + 1).
  const scaled = value * 2 ** (decimals + 1)
  if (Number.isInteger(scaled) && scaled % 2 !== 0) {
    const exact = value.toFixed(decimals + 1)
    if (Number(exact[exact.length - 2]) % 2 === 0) return exact.slice(0, -1)
  }
  return Object.is(value, -0) ? `-${value.toFixed(decimals)}` : value.toFixed(decimals)
}

export const unitArgs: ArgSpec = {
  name: 'unit',
  type: 'oneof',
  args: [
    { name: 'm', type: 'pure-token', token: 'M' },
    { name: 'km', type: 'pure-token', token: 'KM' },
    { name: 'ft', type: 'pure-token', token: 'FT' },
    { name: 'mi', type: 'pure-token', token: 'MI' },
  ],
}
