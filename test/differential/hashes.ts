// Hash commands: few fields, so that commands meet; numbers in some of them; whole hashes only where their order is known.

import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

/** Keys of hashes with long values, which only commands made here touch: they are tables, whose order is arbitrary. */
export const TABLE_KEYS = ['htable1', 'htable2']
/** Every field they ever have. */
export const TABLE_FIELDS = ['f1', 'f2', 'f3', 'f4', '']

/** Beyond this a hash becomes a table. */
const SMALL_VALUE_BYTES_MAX = 64
/** Answered from a whole hash. */
const WHOLE = new Set(['HGETALL', 'HKEYS', 'HVALS', 'HSCAN', 'HRANDFIELD'])

const field = (random: Random): string =>
  chance(random, 75) ? pick(random, ['a', 'b', 'c', 'd', 'n', 'n2', 'x']) : values.text(random)
const value = (random: Random): string =>
  chance(random, 40) ? (chance(random, 50) ? values.integer(random) : values.float(random)) : values.text(random)
const some = <T>(random: Random, counts: readonly number[], make: () => T): T[] =>
  Array.from({ length: pick(random, counts) }, make)

export const hashes: Family = {
  make(random, name, key) {
    const upper = name.toUpperCase()
    const table = chance(random, 12) && !WHOLE.has(upper)
    const target = table ? pick(random, TABLE_KEYS) : key()
    const anyField = () => (table ? pick(random, TABLE_FIELDS) : field(random))
    switch (upper) {
      case 'HSET':
      case 'HMSET': {
        const pairs = some(random, [1, 1, 2, 3, 8], () => [
          anyField(),
          table && chance(random, 60) ? values.randomBytes(random, 60 + random.below(3000)) : value(random),
        ])
        return [upper, target, ...pairs.flat()]
      }
      case 'HSETNX':
        return [upper, target, anyField(), value(random)]
      case 'HDEL':
      case 'HMGET':
        return [upper, target, ...some(random, [1, 1, 2, 4], anyField)]
      case 'HGET':
      case 'HEXISTS':
      case 'HSTRLEN':
        return [upper, target, anyField()]
      case 'HINCRBY':
        return [
          upper,
          target,
          table ? anyField() : pick(random, ['n', 'n2', 'a', field(random)]),
          values.integer(random),
        ]
      case 'HINCRBYFLOAT':
        return [upper, target, table ? anyField() : pick(random, ['n', 'n2', 'b', field(random)]), values.float(random)]
    }
    return undefined
  },
  tame(words) {
    const name = words[0]!.toUpperCase()
    if (TABLE_KEYS.includes(words[1] ?? '')) {
      if (WHOLE.has(name)) words[1] = 'absent'
      return
    }
    for (let i = 2; i < words.length; i++) words[i] = words[i]!.slice(0, SMALL_VALUE_BYTES_MAX)
    // What is chosen by chance is compared only where there is no choice.
    if (name === 'HRANDFIELD') {
      if (words.length === 2) words.push('1000')
      else if (/^[1-9]\d{0,15}$/.test(words[2] ?? '')) words[2] = '1000'
      else if (/^-[1-9]\d*$/.test(words[2] ?? '')) words[2] = '-9223372036854775808'
    }
  },
}
