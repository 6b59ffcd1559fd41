// Keyspace events: their names, and the class each belongs to.
//
// `notify-keyspace-events` turns classes on by letter. A command names the event
// (`call.changed(key, 'lpush')`); the class follows from the name.

import { Bytes } from '../util/bytes/bytes.ts'

/** Bits of `notify-keyspace-events`, by Redis's letters. */
export const EVENT_BITS = {
  g: 1 << 2,
  $: 1 << 3,
  l: 1 << 4,
  s: 1 << 5,
  h: 1 << 6,
  z: 1 << 7,
  x: 1 << 8,
  e: 1 << 9,
  t: 1 << 10,
  m: 1 << 11,
  d: 1 << 13,
  n: 1 << 14,
} as const
export const EVENT_KEYSPACE = 1 << 0
export const EVENT_KEYEVENT = 1 << 1
/** A: every class but key-miss (m) and new (n). */
export const EVENT_ALL =
  EVENT_BITS.g |
  EVENT_BITS.$ |
  EVENT_BITS.l |
  EVENT_BITS.s |
  EVENT_BITS.h |
  EVENT_BITS.z |
  EVENT_BITS.x |
  EVENT_BITS.e |
  EVENT_BITS.t |
  EVENT_BITS.d

const { g, $, l, s, h, z, x, e, t, m, n } = EVENT_BITS

/** Event name → class bit. */
export const EVENT_CLASS = {
  del: g,
  expire: g,
  persist: g,
  rename_from: g,
  rename_to: g,
  move_from: g,
  move_to: g,
  copy_to: g,
  restore: g,
  set: $,
  setrange: $,
  append: $,
  incrby: $,
  incrbyfloat: $,
  setbit: $,
  pfadd: $,
  lpush: l,
  rpush: l,
  lpop: l,
  rpop: l,
  linsert: l,
  lset: l,
  lrem: l,
  ltrim: l,
  sortstore: l,
  sadd: s,
  srem: s,
  spop: s,
  sinterstore: s,
  sunionstore: s,
  sdiffstore: s,
  zadd: z,
  geosearchstore: z,
  georadiusstore: z,
  zincr: z,
  zrem: z,
  zremrangebyscore: z,
  zremrangebyrank: z,
  zremrangebylex: z,
  zpopmin: z,
  zpopmax: z,
  zunionstore: z,
  zinterstore: z,
  zdiffstore: z,
  zrangestore: z,
  hset: h,
  hdel: h,
  hincrby: h,
  hincrbyfloat: h,
  hexpire: h,
  hexpired: h,
  hpersist: h,
  xadd: t,
  xdel: t,
  xtrim: t,
  xsetid: t,
  'xgroup-create': t,
  'xgroup-setid': t,
  'xgroup-destroy': t,
  'xgroup-createconsumer': t,
  'xgroup-delconsumer': t,
  expired: x,
  evicted: e,
  /**
   * A change that is told only to clients that watch the key (PFCOUNT storing its result, a message
   * that is kept).
   */
  untold: 0,
  keymiss: m,
  new: n,
} as const
export type EventName = keyof typeof EVENT_CLASS

const EVENT_BYTES = new Map(Object.keys(EVENT_CLASS).map((name) => [name, Bytes.from(name)]))

/** Returns an event's name as bytes. */
export function eventBytes(event: EventName): Bytes {
  return EVENT_BYTES.get(event)!
}

/** Reads `notify-keyspace-events`; undefined when a letter is unknown. */
export function parseEventFlags(text: string): number | undefined {
  let flags = 0
  for (const letter of text) {
    if (letter === 'A') flags |= EVENT_ALL
    else if (letter === 'K') flags |= EVENT_KEYSPACE
    else if (letter === 'E') flags |= EVENT_KEYEVENT
    else if (Object.hasOwn(EVENT_BITS, letter)) flags |= EVENT_BITS[letter as keyof typeof EVENT_BITS]
    else return undefined
  }
  return flags
}

/** Prints flags as CONFIG GET does. */
export function formatEventFlags(flags: number): string {
  let text = ''
  if ((flags & EVENT_ALL) === EVENT_ALL) text += 'A'
  // Redis forgets an `n` beside an `A` here: CONFIG SET notify-keyspace-events KEAn, then CONFIG
  // GET notify-keyspace-events.
  else for (const letter of 'g$lshzxetdn') if ((flags & EVENT_BITS[letter as 'g']) !== 0) text += letter
  if ((flags & EVENT_KEYSPACE) !== 0) text += 'K'
  if ((flags & EVENT_KEYEVENT) !== 0) text += 'E'
  if ((flags & EVENT_BITS.m) !== 0) text += 'm'
  return text
}
