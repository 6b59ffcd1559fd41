// What arguments are made of: few keys so that commands meet, and every number, text and byte that may hurt.

import type { Random } from '../../src/util/numbers/random.ts'

export const pick = <T>(random: Random, choices: readonly T[]): T => choices[random.below(choices.length)]!

export const chance = (random: Random, percent: number): boolean => random.below(100) < percent

const STRING_KEYS = ['s1', 's2', 's3', 'number', 'float', 'long:key:with:more:than:a:word:in:it:0123456789', '']
const LIST_KEYS = ['l1', 'l2', 'l3', '\x00\xff\r\nkey']
/** Keys that commands of other groups use most of the time. */
const GROUP_KEYS: Readonly<Record<string, readonly string[]>> = {
  bitmap: ['bits1', 'bits2', 'bits3'],
  hash: ['h1', 'h2', 'h3'],
  geo: ['geo1', 'geo2', 'geo3'],
  hyperloglog: ['hll1', 'hll2', 'hll3'],
  set: ['set1', 'set2', 'set3', 'int1', 'int2', 'int3'],
  'sorted-set': ['z1', 'z2', 'z3', 'z4', 'z5'],
  stream: ['x1', 'x2', 'x3'],
}
export const ALL_KEYS = [...STRING_KEYS, ...LIST_KEYS, ...Object.values(GROUP_KEYS).flat(), 'absent']

/** Keys that nothing but lists is ever put under. */
export const LIST_ONLY_KEYS = ['queue1', 'queue2', 'queue3']

/** Databases that programs use; the dump looks at these. */
export const DATABASES = ['0', '1', '2']

export function key(random: Random, group: string): string {
  if (!chance(random, 15)) {
    if (group === 'string') return pick(random, STRING_KEYS)
    if (group === 'list') return pick(random, LIST_KEYS)
    const keys = GROUP_KEYS[group]
    if (keys !== undefined) return pick(random, keys)
  }
  return pick(random, ALL_KEYS)
}

const SMALL = ['0', '1', '2', '3', '4', '5', '7', '10', '-1', '-2', '-3', '-5', '-10', '15', '50', '100', '-100']
const INTEGERS = [
  '127', '-128', '255', '32767', '65536', '2147483647', '2147483648', '-2147483648', '-2147483649', '4294967295',
  '4294967296', '9007199254740991', '9007199254740993', '-9007199254740993', '1000000000000000000',
  '9223372036854775806', '9223372036854775807', '-9223372036854775807', '-9223372036854775808',
] // biome-ignore format: a table
const BAD_INTEGERS = [
  '', '-', '+1', '01', '-0', ' 1', '1 ', '1.0', '1e3', '0x10', 'abc', '1a', '1\x00', '9223372036854775808',
  '-9223372036854775809', '18446744073709551616', '99999999999999999999999999', '\xb2', '\n',
] // biome-ignore format: a table
const FLOATS = [
  '0', '1', '-1', '0.1', '-0.1', '0.2', '0.3', '1.5', '3.25', '10.5', '100', '-3.75', '1e3', '5e-3', '0.001', '123456.789', '3.0',
  '-0', '-0.0', '1E2', '.5', '5.', '+2.5', '1e17', '1e18', '12345678901234567', '0.00001', '1e-10',
] // biome-ignore format: a table
const BAD_FLOATS = [
  '', 'abc', 'nan', 'inf', '-inf', '+inf', 'infinity', ' 1', '1 ', '1.5a', '1e5000', '0x1p3', '--1', '1,5', '1e', '1\x00',
] // biome-ignore format: a table
const TEXTS = [
  '', 'a', 'b', 'c', 'hello', 'Hello World', 'ohmytext', 'mynewtext', '\x00', '\r\n', '$3\r\nfoo\r\n', '\xff\xfe\x80', 'ünïcödé', 'x'.repeat(44),
  'y'.repeat(45), 'z'.repeat(63), '1234567890123456789', '12345678901234567890', '3.0e3', '-', '~', ' ',
] // biome-ignore format: a table

export function integer(random: Random): string {
  const roll = random.below(100)
  if (roll < 75) return pick(random, SMALL)
  if (roll < 90) return pick(random, INTEGERS)
  return pick(random, BAD_INTEGERS)
}

export function float(random: Random): string {
  const roll = random.below(100)
  if (roll < 45) return pick(random, FLOATS)
  if (roll < 65) return ((random.below(200001) - 100000) / 10 ** random.below(6)).toString()
  if (roll < 75) return longFloat(random)
  if (roll < 88) return pick(random, SMALL)
  return pick(random, BAD_FLOATS)
}

/** A number with up to 21 digits somewhere around its point: more than a double holds, as redis-server reads long doubles. */
function longFloat(random: Random): string {
  let digits = chance(random, 40) ? '-' : ''
  const length = 1 + random.below(21)
  const point = random.below(length + 1)
  for (let i = 0; i < length; i++) {
    if (i === point) digits += '.'
    digits += random.below(10)
  }
  return chance(random, 15) ? `${digits}e${random.below(30) - 15}` : digits
}

/** An element or value; `a` to `c` often, so that LREM, LPOS and LINSERT find something. */
export function text(random: Random): string {
  const roll = random.below(100)
  if (roll < 30) return pick(random, ['a', 'b', 'c', 'd'])
  if (roll < 50) return pick(random, TEXTS)
  if (roll < 65) return pick(random, SMALL)
  if (roll < 72) return pick(random, INTEGERS)
  if (roll < 80) return pick(random, FLOATS)
  if (roll < 84) return pick(random, BAD_INTEGERS)
  if (roll < 97) return randomBytes(random, random.below(24))
  return randomBytes(random, random.below(700))
}

export function randomBytes(random: Random, length: number): string {
  const alphabet = chance(random, 50) ? 4 : 256
  let bytes = ''
  for (let i = 0; i < length; i++)
    bytes += String.fromCharCode(alphabet === 4 ? 97 + random.below(4) : random.below(256))
  return bytes
}

export const CHANNELS = ['news', 'news.sport', 'jobs:1', '', '\x00bin\xff', '__keyspace@0__:l1']

const PATTERNS = [
  '*', 'news*', 'news.?port', 'n[a-f]ws', 'n[^a]ws', 'jobs:\\*', 'jobs:*', '', '*s*', 'n[', '[a', '\\', '**1', '?', '[\\]]', '[z-a]*',
  '__key*__:*', '__keyevent@0__:*', 's[12]', 'l?', '[^s]*', 'a*b*c*d*e',
] // biome-ignore format: a table

export function pattern(random: Random): string {
  return pick(random, PATTERNS)
}

export const channel = (random: Random): string => pick(random, CHANNELS)
