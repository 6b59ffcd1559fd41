// Where this server, which answers as 7.2, and the redis-server on the PATH (7.2, or 7.0 at Debian) may differ, and why.
//
// Each entry is as narrow as its reason. What is not listed here must be equal to the byte.

import { formatDouble, formatDouble17 } from '../../src/util/numbers/numbers.ts'
import { redisServerIsOlder } from '../support/redis-server.ts'
import { type Frame, frameBytes, frameText } from './frames.ts'
import type { Command } from './program.ts'

export interface Place {
  ours: Frame
  theirs: Frame
  /** The frame before this one in the same aggregate. */
  previous: Frame | undefined
  /** What was sent on this connection in this step and shortly before. */
  commands: readonly Command[]
}

export interface KnownDifference {
  reason: string
  /** It is a difference to 7.0 alone. */
  older?: true
  matches(place: Place): boolean
}

const asks = (place: Place, names: RegExp): boolean =>
  place.commands.some((command) => typeof command[0] === 'string' && names.test(command[0]))

const integers = (place: Place): boolean => place.ours.type === ':' && place.theirs.type === ':'

const sorted = (frame: Frame): string => frame.children.map(frameBytes).sort().join('')

/** Different bulk strings and nothing else: a list has usually something twice. */
const isSetOfStrings = ({ children }: Frame): boolean =>
  children.every(({ type }) => type === '$') && new Set(children.map(frameBytes)).size === children.length

const SECONDS_TOLERANCE = 10

export const KNOWN_DIFFERENCES: KnownDifference[] = [
  {
    reason:
      'The clock goes on between the two runs: times to live in seconds and milliseconds, and the moments made from them.',
    matches(place) {
      if (!integers(place) || !asks(place, /^p?(ttl|expiretime)$/i)) return false
      const [ours, theirs] = [Number(frameText(place.ours)), Number(frameText(place.theirs))]
      // Every relative expiry of a program is at least this far away.
      if (Math.min(ours, theirs) < 500_000) return false
      const difference = Math.abs(ours - theirs)
      return difference <= SECONDS_TOLERANCE || (Math.min(ours, theirs) > 4e8 && difference <= SECONDS_TOLERANCE * 1000)
    },
  },
  {
    reason: 'HELLO: each connection has its own id.',
    matches: (place) => integers(place) && place.previous !== undefined && place.previous.head === '$2\r\nid\r\n',
  },
  {
    older: true,
    reason: 'HELLO: this server answers as 7.2.',
    matches: (place) =>
      place.previous?.head === '$7\r\nversion\r\n' &&
      /^7\.2\.\d+$/.test(frameText(place.ours)) &&
      /^7\.0\.\d+$/.test(frameText(place.theirs)),
  },
  {
    older: true,
    reason: '7.2: a small list is a listpack; 7.0 knows only quicklists.',
    matches: (place) =>
      asks(place, /^object$/i) && frameText(place.ours) === 'listpack' && frameText(place.theirs) === 'quicklist',
  },
  {
    older: true,
    reason: '7.2: a small set is a listpack; 7.0 knows only intsets and tables.',
    matches: (place) =>
      asks(place, /^object$/i) && frameText(place.ours) === 'listpack' && frameText(place.theirs) === 'hashtable',
  },
  {
    reason: 'Tables have an order of their own; and in 7.2 small sets, tables in 7.0, have that in which members came.',
    matches: (place) =>
      asks(place, /^(smembers|sinter|sunion|sdiff|spop|srandmember|sscan|exec)$/i) &&
      place.ours.head === place.theirs.head &&
      /^[*~]/.test(place.ours.head) &&
      isSetOfStrings(place.ours) &&
      sorted(place.ours) === sorted(place.theirs),
  },
  {
    reason: 'SORT in Redis takes any float for out of range while it remembers one that was, from whichever command.',
    matches: (place) =>
      asks(place, /^(sort|exec)/i) &&
      place.theirs.head === "-ERR One or more scores can't be converted into double\r\n" &&
      place.ours.type === '*',
  },
  {
    reason:
      'COPY in Redis makes an object of its own of a small integer, which otherwise all keys share; here all are alike.',
    matches: (place) =>
      asks(place, /^object$/i) && place.ours.head === ':2147483647\r\n' && place.theirs.head === ':1\r\n',
  },
  {
    older: true,
    reason: '7.2 prints doubles with the fewest digits that read back the same, 7.0 with `%.17g`.',
    matches(place) {
      if (!asks(place, /^(b?z|geo|exec)/i) || !/^[$,]/.test(place.ours.type)) return false
      const [ours, theirs] = [frameText(place.ours), frameText(place.theirs)]
      const value = Number(theirs)
      return theirs !== '' && formatDouble17(value) === theirs && formatDouble(value) === ours
    },
  },
  {
    older: true,
    reason: 'Distances: 7.2 rounds to four decimals in another way than 7.0, and sines may differ in their last bit.',
    matches(place) {
      if (!asks(place, /^geo(dist|radius|search)/i)) return false
      const [ours, theirs] = [frameText(place.ours), frameText(place.theirs)]
      const both = /^\d+\.\d{4}$/.test(ours) && /^\d+\.\d{4}$/.test(theirs)
      return both && Math.abs(Number(ours) - Number(theirs)) < 1.5e-4
    },
  },
  {
    reason: 'Streams: milliseconds since something, and the moments of it, go on between the two runs.',
    matches(place) {
      if (!integers(place) || !asks(place, /^x(pending|info)$/i) || place.previous?.type !== '$') return false
      if (STREAM_COUNTERS.has(frameText(place.previous))) return false
      return Math.abs(Number(frameText(place.ours)) - Number(frameText(place.theirs))) < SECONDS_TOLERANCE * 1000
    },
  },
  {
    older: true,
    reason: '7.2 tells of consumers since when they were given nothing (inactive, active-time); tested on its own.',
    matches: (place) =>
      asks(place, /^xinfo$/i) &&
      /^([*](8|10)|%[45])\r\n$/.test(place.ours.head) &&
      place.ours.children.length === place.theirs.children.length + 2,
  },
  {
    older: true,
    reason: 'XREAD and XREADGROUP with an odd number of keys and ids: 7.2 names the command that was sent.',
    matches: (place) =>
      asks(place, /^(xread|xreadgroup|exec)$/i) &&
      /^-ERR Unbalanced 'xread(group)?' list of streams: /.test(place.ours.head) &&
      place.theirs.head.startsWith('-ERR Unbalanced XREAD list of streams: '),
  },
  {
    older: true,
    reason:
      'A client that waits for a group that is gone: 7.2 answers as to the same request now, 7.0 in words of its own.',
    matches: (place) =>
      asks(place, /^xreadgroup$/i) &&
      /^-(NOGROUP|WRONGTYPE) /.test(place.ours.head) &&
      /^-(UNBLOCKED the stream key|NOGROUP the consumer group this)/.test(place.theirs.head),
  },
]

const APPLICABLE = KNOWN_DIFFERENCES.filter(({ older }) => older === undefined || redisServerIsOlder())

/** What XINFO's integers are called that do not depend on time. */
const STREAM_COUNTERS = new Set(
  'consumers pending pel-count length radix-tree-keys radix-tree-nodes entries-added groups lag entries-read'.split(
    ' ',
  ),
)

/** The reason why two frames may differ; undefined when they may not. */
export function knownDifference(place: Place): string | undefined {
  return APPLICABLE.find((difference) => difference.matches(place))?.reason
}
