// SORT: what has an order at all. Redis leaves equal ones of a table in the table's order, and so says nothing of them here.
//
// Weights and numbers lie under keys of their own, since redis-server 7.0 takes
// any float for out of range once another command met one that was.

import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

/** Sets that never have anything but integers: they alone have an order. */
const INT_KEYS = ['whole1', 'whole2']
/** Sorted sets without a score of -0, which becomes 0 in a listpack, but not where SORT made a skiplist of it. */
const RANKED_KEYS = ['ranked1', 'ranked2']
const LISTS = ['nums1', 'nums2', 'texts1', 'texts2']
const NUMBERS = [
  '1',
  '2',
  '3',
  '-1',
  '10',
  '1.5',
  '1.0',
  '01',
  '-0',
  '0',
  '0x10',
  '',
  '3e2',
  'inf',
  '-inf',
  '2147483648',
]
const GETS = ['#', 'w_*', 'w_*', 'h_*->f', 'w_1', '#x', 'w_*->f', 'h_*->', 's*', '*', 'no_*', 'l*', 'w_*\x00->f']
const LIMITS = ['0', '1', '2', '-1', '100', '-5', '9223372036854775807']

function sort(random: Random, name: string): string[] {
  const words = [name]
  const options: string[][] = []
  const source = random.below(10)
  const stores = name === 'SORT' && chance(random, 30)
  const alpha = chance(random, 50)
  if (source < 4) words.push(pick(random, INT_KEYS))
  else if (source < 8) words.push(pick(random, LISTS))
  else words.push(pick(random, [...RANKED_KEYS, 'set1', 'w_1', 'never']))
  const key = words[1]!
  const isList = LISTS.includes(key)
  if (isList || INT_KEYS.includes(key)) {
    if (alpha) options.push(['ALPHA'])
    if (chance(random, 40) && (isList || !alpha)) {
      const by = pick(random, isList || !stores ? ['nosort', 'w_*', 'h_*->f', 'w_*', '#'] : ['w_*', 'h_*->f'])
      options.push(['BY', by])
    }
    // Which of equal ones is within a limit 7.0 leaves open.
    const ties = alpha && options.some(([word]) => word === 'BY')
    if (chance(random, 30) && !ties) options.push(['LIMIT', pick(random, LIMITS), pick(random, LIMITS)])
  } else if (RANKED_KEYS.includes(key)) {
    options.push(['BY', 'nosort'])
    if (chance(random, 50)) options.push(['LIMIT', pick(random, LIMITS), pick(random, LIMITS)])
  } else if (key === 'set1') {
    // Of members with a NUL only what is stored has an order.
    if (name === 'SORT_RO') words[1] = 'never'
    else options.push(['BY', 'nosort'], ['STORE', 'l3'])
  }
  if (chance(random, 50)) options.push([pick(random, ['DESC', 'ASC', 'desc'])])
  for (let i = random.below(4); i > 0 && chance(random, 60); i--) options.push(['GET', pick(random, GETS)])
  if (stores && (alpha || !isList) && key !== 'set1') options.push(['STORE', pick(random, ['l3', 'l2', 's3'])])
  if (chance(random, 5))
    options.push(pick(random, [['LIMIT', 'x', '1'], ['LIMIT', '1'], ['BY'], ['GET'], ['STORE'], ['NUMERIC']]))
  // Any order of options will do.
  for (let i = options.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[options[i], options[j]] = [options[j]!, options[i]!]
  }
  return [...words, ...options.flat()]
}

/** What there is to sort by. */
export function sortCommands(random: Random): string[] {
  const member = pick(random, ['1', '2', '3', '5', '-1', 'a', 'b', '10'])
  const number = () => pick(random, ['1', '2', '3', '-7', '10', '25'])
  switch (random.below(7)) {
    case 6:
      return [
        pick(random, ['RPUSH', 'LPUSH']),
        pick(random, ['texts1', 'texts2']),
        values.text(random),
        values.text(random),
        member,
      ]
    case 5:
      return ['ZADD', pick(random, RANKED_KEYS), number(), member, number(), pick(random, ['a', 'b', 'c', 'd', 'e'])]
    case 4:
      return [
        pick(random, ['SADD', 'SADD', 'SREM']),
        pick(random, INT_KEYS),
        ...Array.from({ length: 1 + random.below(4) }, () => String(random.below(16) - 3)),
      ]
    case 0:
      return [
        'RPUSH',
        pick(random, ['nums1', 'nums2']),
        ...Array.from({ length: 1 + random.below(6) }, () => pick(random, NUMBERS)),
      ]
    case 1:
      return chance(random, 80) ? ['SET', `w_${member}`, number()] : ['DEL', `w_${member}`, 'nums1', 'nums2']
    case 2:
      return ['HSET', `h_${member}`, pick(random, ['f', 'f', 'g']), number()]
    default:
      return sort(random, pick(random, ['SORT', 'SORT', 'SORT_RO']))
  }
}

export const sorts: Family = {
  make: (random, name) => (name === 'sort' || name === 'sort_ro' ? sort(random, name.toUpperCase()) : undefined),
  tame(words) {
    if (!/^sort(_ro)?$/i.test(words[0]!)) return
    // A spoiled command may sort what has no order; it is only of use where it errs.
    const sorted = words.join(' ').toUpperCase()
    const known = [...INT_KEYS, ...LISTS, 'never', 'w_1', 'set1', ...RANKED_KEYS].includes(words[1] ?? '')
    if (!known || (words[1] === 'set1' && !/ BY NOSORT( |$)/.test(sorted))) words[1] = 'never'
    if (RANKED_KEYS.includes(words[1] ?? '') && !/ BY [^*]*( |$)/.test(sorted)) words[1] = 'never'
    // A number that 7.0 may not take: what is stored must be the same.
    const whole = INT_KEYS.includes(words[1] ?? '') || RANKED_KEYS.includes(words[1] ?? '')
    if (/ STORE/.test(sorted) && !/ ALPHA/.test(sorted) && !whole) words.push('ALPHA')
    if (/ BY /.test(sorted) && / ALPHA/.test(sorted) && !LISTS.includes(words[1] ?? '')) words[1] = 'never'
  },
}

export const NUMBER_KEYS = [...INT_KEYS, ...RANKED_KEYS, ...LISTS, 'w_1', 'w_2', 'w_a', 'h_1', 'h_2']
