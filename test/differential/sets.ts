// Set commands: few members, so that sets meet; integers alone under some keys, now and then so many that the encoding changes.
//
// What is chosen by chance is compared only where there is no choice: from the
// sets of one member, or when everything is asked for.

import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

/** Keys that only commands made here touch: sets that never have another member than the one. */
export const LONELY_KEYS = ['lonely1', 'lonely2']

const INTEGERS = ['1', '2', '3', '5', '-1', '70000', '9223372036854775807', '-9223372036854775808', '9007199254740993']

/** The intset keys' members are integers; others get anything. */
function member(random: Random, key: string): string {
  if (key.startsWith('int')) return chance(random, 60) ? pick(random, INTEGERS) : String(random.below(40) - 20)
  return chance(random, 70) ? pick(random, ['a', 'b', 'c', 'd', '1', '2', '3', '', '01']) : values.text(random)
}

const some = <T>(random: Random, counts: readonly number[], make: () => T): T[] =>
  Array.from({ length: pick(random, counts) }, make)

function manyMembers(random: Random, key: string): string[] {
  const first = random.below(1000)
  const prefix = key.startsWith('int') ? '' : pick(random, ['', 'm', 'x'.repeat(70)])
  return Array.from({ length: pick(random, [127, 128, 129, 512, 513]) }, (_, i) => prefix + (first + i))
}

export const sets: Family = {
  make(random, name, key) {
    const upper = name.toUpperCase()
    const target = key()
    switch (upper) {
      case 'SADD':
        if (chance(random, 5)) return [upper, pick(random, LONELY_KEYS), 'the only one']
        if (chance(random, 3)) return [upper, target, ...manyMembers(random, target)]
        return [upper, target, ...some(random, [1, 1, 2, 3, 8], () => member(random, target))]
      case 'SREM':
      case 'SMISMEMBER':
        return [upper, target, ...some(random, [1, 1, 2, 4], () => member(random, target))]
      case 'SISMEMBER':
        return [upper, target, member(random, target)]
      case 'SMOVE':
        return [upper, target, key(), member(random, target)]
      case 'SPOP':
      case 'SRANDMEMBER':
        if (chance(random, 40))
          return [upper, pick(random, LONELY_KEYS), ...pick(random, [[], [], ['1'], ['0'], ['2']])]
        return undefined
      case 'SSCAN':
        return [upper, target, '0', 'COUNT', '5000', ...pick(random, [[], ['MATCH', values.pattern(random)]])]
    }
    return undefined
  },
  tame(words) {
    const name = words[0]!.toUpperCase()
    if (name === 'SADD' && LONELY_KEYS.includes(words[1] ?? '')) words.splice(2, words.length, 'the only one')
    if (name === 'SSCAN') {
      // A table gives everything at once only when asked for so much, from the beginning.
      if (/^[+-]?\d+(\0|$)/.test(words[2] ?? '')) words[2] = '0'
      for (let i = 3; i < words.length; i++) if (/^[1-9]\d*$/.test(words[i]!)) words[i] = '5000'
      if (words.length > 2 && !words.some((word) => word.toUpperCase() === 'COUNT')) words.push('COUNT', '5000')
    }
    if ((name === 'SPOP' || name === 'SRANDMEMBER') && !LONELY_KEYS.includes(words[1] ?? '')) {
      if (words.length === 2) words.push('5000')
      else if (/^[1-9]\d{0,17}$/.test(words[2] ?? '')) words[2] = '5000'
      else if (/^-[1-9]\d*$/.test(words[2] ?? '')) words[2] = '-9223372036854775808'
    }
    if (name === 'SRANDMEMBER' && LONELY_KEYS.includes(words[1] ?? '') && /^-\d{3,}$/.test(words[2] ?? ''))
      words[2] = '-3'
  },
}
