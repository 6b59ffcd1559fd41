// Sorted set commands: few members with scores of every kind, ranges that overlap them, and sets of equal scores for ranges by member.

import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

/**
 * Keys of sorted sets whose scores are all 0, which only commands made here touch.
 *
 * Among members of different scores a range by member is what it happens to be: it depends on the levels of Redis's skiplist.
 */
export const LEX_KEYS = ['zlex1', 'zlex2']

/** Keys that commands wait for. */
const AWAITED_KEYS = ['z1', 'z2', 'z3']

const SCORES = [
  '0', '1', '2', '3', '-1', '1.5', '2.25', '-0.5', '10', '100', '0.1', '3.3', '-0', '1e20', '1e-7', '123456789012345678', 'inf', '-inf', '+inf',
  '9007199254740993', '0x10', '1e3', '5e-324', '1.7976931348623157e308',
] // biome-ignore format: a table
const BAD_SCORES = ['nan', '', 'x', '1e400', '1 ', ' 1', '1\x00', '--1', '1e-400', '0x', '(1'] // biome-ignore format: a table
const BOUNDS = [
  '-inf',
  '+inf',
  '(0',
  '(1',
  '1',
  '0',
  '(2.25',
  '100',
  '(-inf',
  '(inf',
  '-5',
  '',
  '(',
  ' 1',
  '1e400',
  '-1e400',
  '(1e-400',
  '5\x00x',
]
const BAD_BOUNDS = ['x', 'nan', '(nan', '((1', '[1', '1x', '  ', '(x', '+', '-'] // biome-ignore format: a table
const LEX_BOUNDS = [
  '-',
  '+',
  '[a',
  '(a',
  '[b',
  '(b',
  '[c',
  '(c',
  '[',
  '(',
  '[\xff',
  '[d',
  '[aa',
  '(aa',
  '[hello',
  '+\x00x',
  '[\x00',
]
const BAD_LEX_BOUNDS = ['a', '', '++', '-x', ']a', '0', '{a'] // biome-ignore format: a table

const score = (random: Random): string =>
  chance(random, 6) ? pick(random, BAD_SCORES) : chance(random, 70) ? pick(random, SCORES) : values.float(random)
const bound = (random: Random): string => pick(random, chance(random, 92) ? BOUNDS : BAD_BOUNDS)
const lexBound = (random: Random): string => pick(random, chance(random, 92) ? LEX_BOUNDS : BAD_LEX_BOUNDS)
const member = (random: Random): string =>
  chance(random, 60) ? pick(random, ['a', 'b', 'c', 'd', 'aa', 'e']) : values.text(random)
const some = <T>(random: Random, counts: readonly number[], make: () => T): T[] =>
  Array.from({ length: pick(random, counts) }, make)
const maybe = (random: Random, percent: number, ...words: string[]): string[] => (chance(random, percent) ? words : [])
const limit = (random: Random): string[] =>
  maybe(random, 30, 'LIMIT', pick(random, ['0', '1', '2', '-1', 'x']), pick(random, ['1', '2', '-1', '0', '-2', 'x']))

const BY_LEX = new Set(['ZRANGEBYLEX', 'ZREVRANGEBYLEX', 'ZLEXCOUNT', 'ZREMRANGEBYLEX'])

export const sortedSets: Family = {
  make(random, name, key) {
    const upper = name.toUpperCase()
    const lex = () => pick(random, LEX_KEYS)
    switch (upper) {
      case 'ZADD':
        if (chance(random, 25)) {
          return ['ZADD', lex(), ...some(random, [1, 2, 3, 8], () => ['0', member(random)]).flat()]
        }
        return [
          'ZADD',
          key(),
          ...maybe(random, 12, 'NX'),
          ...maybe(random, 12, 'XX'),
          ...maybe(random, 10, 'GT'),
          ...maybe(random, 10, 'LT'),
          ...maybe(random, 20, 'CH'),
          ...maybe(random, 12, 'INCR'),
          ...some(random, [1, 1, 1, 2, 4], () => [score(random), member(random)]).flat(),
        ]
      case 'ZINCRBY':
        return ['ZINCRBY', key(), score(random), member(random)]
      case 'ZREM':
        return ['ZREM', chance(random, 10) ? lex() : key(), ...some(random, [1, 1, 2, 3], () => member(random))]
      case 'ZSCORE':
      case 'ZRANK':
      case 'ZREVRANK':
        return [upper, key(), member(random)]
      case 'ZMSCORE':
        return [upper, key(), ...some(random, [1, 2, 3], () => member(random))]
      case 'ZCOUNT':
      case 'ZREMRANGEBYSCORE':
        return [upper, key(), bound(random), bound(random)]
      case 'ZLEXCOUNT':
      case 'ZREMRANGEBYLEX':
        return [upper, lex(), lexBound(random), lexBound(random)]
      case 'ZRANGEBYLEX':
      case 'ZREVRANGEBYLEX':
        return [upper, lex(), lexBound(random), lexBound(random), ...limit(random)]
      case 'ZRANGEBYSCORE':
      case 'ZREVRANGEBYSCORE':
        return [upper, key(), bound(random), bound(random), ...maybe(random, 40, 'WITHSCORES'), ...limit(random)]
      case 'ZRANGE':
      case 'ZRANGESTORE': {
        const target = upper === 'ZRANGESTORE' ? [key()] : []
        const ends = maybe(random, upper === 'ZRANGE' ? 30 : 3, 'WITHSCORES')
        const reverse = maybe(random, 30, 'REV')
        switch (random.below(3)) {
          case 0:
            return [
              upper,
              ...target,
              key(),
              bound(random),
              bound(random),
              'BYSCORE',
              ...reverse,
              ...limit(random),
              ...ends,
            ]
          case 1:
            return [upper, ...target, lex(), lexBound(random), lexBound(random), 'BYLEX', ...reverse, ...limit(random)]
          default:
            return [upper, ...target, key(), values.integer(random), values.integer(random), ...reverse, ...ends]
        }
      }
      case 'ZUNION':
      case 'ZINTER':
      case 'ZUNIONSTORE':
      case 'ZINTERSTORE': {
        const keys = some(random, [1, 2, 2, 3], key)
        return [
          upper,
          ...(upper.endsWith('STORE') ? [key()] : []),
          String(keys.length),
          ...keys,
          ...(chance(random, 40) ? ['WEIGHTS', ...keys.map(() => score(random))] : []),
          ...(chance(random, 40) ? ['AGGREGATE', pick(random, ['SUM', 'min', 'MAX', 'avg'])] : []),
          ...maybe(random, upper.endsWith('STORE') ? 3 : 50, 'WITHSCORES'),
        ]
      }
    }
    return undefined
  },
  tame(words) {
    const name = words[0]!.toUpperCase()
    const byLex = BY_LEX.has(name) || (name.startsWith('ZRANGE') && words.some((word) => /^bylex$/i.test(word)))
    const at = name === 'ZRANGESTORE' ? 2 : 1
    // 7.0 knows no WITHSCORE, and says so by the number of words.
    if ((name === 'ZRANK' || name === 'ZREVRANK') && words.length > 3) words.length = 3
    if (byLex && words.length > at && !LEX_KEYS.includes(words[at]!)) words[at] = LEX_KEYS[words.length % 2]!
    if (name === 'ZADD' && LEX_KEYS.includes(words[1] ?? '')) {
      for (let i = 2; i < words.length; i += 2) words[i] = '0'
    }
    const awaited = name === 'BZMPOP' ? 3 : 1
    if (/^BZ/.test(name) && words.length > awaited && !AWAITED_KEYS.includes(words[awaited]!)) words[awaited] = 'z1'
    // What is chosen by chance is compared only where there is no choice.
    if (name === 'ZRANDMEMBER' && words.length > 1) {
      if (words.length === 2) words.push('0')
      if (!/^(0|x|abc|99999+)$/.test(words[2]!)) words[2] = '9999'
    }
  },
}
