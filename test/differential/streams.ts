// Stream commands: ids that mostly go up, a few groups and consumers, and ranges that overlap what is there.

import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

const IDS = ['1-1', '1-2', '2-1', '3', '3-1', '5-0', '7-1', '8-3', '9', '10-1', '12', '15-2', '20', '25-1', '30', '35-7', '40-1', '0-1'] // biome-ignore format: a table
const ODD_IDS = [
  '0', '0-0', '-', '+', '$', '>', '*', '', 'x', '1-', '-1', '1-x', '1--1', '1--01', '007', ' 5', '+5', '5 ', '5\x00x', '-\x00', '1-*', '*-1', '1-1-1',
  '9007199254740993-1', '18446744073709551615', '18446744073709551615-18446744073709551615', '18446744073709551616', '1-18446744073709551616',
  '9223372036854775807-9223372036854775808', '-9223372036854775809', '1-18446744073709551615', '(1', '99999999999999999999999',
] // biome-ignore format: a table
/** Everything this long ago, or in the future, is far from what a test takes. */
const LONG_IDLE = '1000000'
/**
 * A group's consumers are created with it: 7.2 creates who asks and gets nothing, 7.0 does not.
 */
const CONSUMERS = ['alice', 'bob', 'carol', '']
const FIELDS = ['a', 'b', 'field', '1', '-5']

const id = (random: Random): string =>
  chance(random, 92) ? pick(random, IDS) : chance(random, 90) ? pick(random, ODD_IDS) : values.text(random)
/** `*` would be the time of day. */
const newId = (random: Random): string => {
  const given = chance(random, 55)
    ? `${random.below(41)}-*`
    : chance(random, 40)
      ? `40-${random.below(400)}`
      : id(random)
  return given === '*' ? '41-*' : given
}
const bound = (random: Random): string =>
  chance(random, 40) ? pick(random, ['-', '+']) : `${chance(random, 20) ? '(' : ''}${id(random)}`
const group = (random: Random): string => pick(random, ['g1', 'g1', 'g1', 'g2', 'g\x00\r\n', ''])
const consumer = (random: Random): string => pick(random, ['alice', 'alice', 'bob', 'bob', 'carol', ''])
const field = (random: Random): string => (chance(random, 80) ? pick(random, FIELDS) : values.text(random))
const some = <T>(random: Random, counts: readonly number[], make: () => T): T[] =>
  Array.from({ length: pick(random, counts) }, make)
const maybe = (random: Random, percent: number, ...words: string[]): string[] => (chance(random, percent) ? words : [])
const count = (random: Random): string => (chance(random, 90) ? pick(random, ['1', '2', '3', '10', '0', '-1']) : 'x')
const minIdle = (random: Random): string => pick(random, ['0', '0', '0', LONG_IDLE, '-1', '100000000000000', 'x'])
const trimming = (random: Random): string[] => [
  ...(chance(random, 60)
    ? ['MAXLEN', ...pick(random, [[], ['='], ['~'], ['~']]), pick(random, ['0', '1', '3', '5', '20', '-1', 'x'])]
    : ['MINID', ...pick(random, [[], ['='], ['~'], ['~']]), id(random)]),
  ...maybe(random, 20, 'LIMIT', pick(random, ['0', '1', '5', '100', '-1', 'x'])),
]
const entriesRead = (random: Random): string[] =>
  maybe(random, 30, 'ENTRIESREAD', pick(random, ['0', '1', '3', '-1', '-2', 'x', '9223372036854775807']))

/** How many streams are read, and behind which ids; one, where waiting for several would differ between 7.0 and 7.2. */
function streams(random: Random, key: () => string, mark: string, blocks: boolean): string[] {
  const many = blocks ? 1 : pick(random, [1, 1, 1, 2, 2, 3])
  const keys = some(random, [many], key)
  return ['STREAMS', ...keys, ...some(random, [many], () => (chance(random, 60) ? mark : id(random)))]
}

export const streamFamily: Family = {
  make(random, name, key) {
    const upper = name.toUpperCase().split('|')
    const main = upper[0]!
    const blocking = chance(random, 15)
    switch (main) {
      case 'XADD':
        return [
          main,
          key(),
          ...maybe(random, 10, 'NOMKSTREAM'),
          ...(chance(random, 25) ? trimming(random) : []),
          newId(random),
          ...some(random, [1, 1, 2, 2, 5], () => [field(random), values.text(random)]).flat(),
        ]
      case 'XTRIM':
        return [main, key(), ...trimming(random)]
      case 'XDEL':
        return [main, key(), ...some(random, [1, 1, 2, 4], () => id(random))]
      case 'XRANGE':
      case 'XREVRANGE':
        return [main, key(), bound(random), bound(random), ...maybe(random, 40, 'COUNT', count(random))]
      case 'XREAD':
        return [
          main,
          ...maybe(random, 40, 'COUNT', count(random)),
          ...(blocking ? ['BLOCK', pick(random, ['0', '0', '0', '-1', 'x'])] : []),
          ...streams(random, key, '$', blocking),
        ]
      case 'XREADGROUP':
        return [
          main,
          'GROUP',
          group(random),
          consumer(random),
          ...maybe(random, 40, 'COUNT', count(random)),
          ...(blocking ? ['BLOCK', pick(random, ['0', '0', '0', '-1', 'x'])] : []),
          ...maybe(random, 20, 'NOACK'),
          ...streams(random, key, '>', blocking),
        ]
      case 'XACK':
        return [main, key(), group(random), ...some(random, [1, 1, 2, 4], () => id(random))]
      case 'XPENDING':
        return [
          main,
          key(),
          group(random),
          ...(chance(random, 30)
            ? []
            : [
                ...maybe(random, 30, 'IDLE', minIdle(random)),
                bound(random),
                bound(random),
                count(random),
                ...maybe(random, 30, consumer(random)),
              ]),
        ]
      case 'XCLAIM':
        return [
          main,
          key(),
          group(random),
          consumer(random),
          minIdle(random),
          ...some(random, [1, 2, 4], () => id(random)),
          ...maybe(random, 15, 'IDLE', pick(random, ['0', '5000000', '-1', 'x'])),
          ...maybe(random, 15, 'TIME', pick(random, ['0', '1', '1000000000000', '9000000000000', '-1', 'x'])),
          ...maybe(random, 20, 'RETRYCOUNT', pick(random, ['0', '7', '-1', '5000000000', '9223372036854775807', 'x'])),
          ...maybe(random, 50, 'FORCE'),
          ...maybe(random, 30, 'JUSTID'),
          ...maybe(random, 10, 'LASTID', id(random)),
        ]
      case 'XAUTOCLAIM':
        return [
          main,
          key(),
          group(random),
          consumer(random),
          minIdle(random),
          bound(random),
          ...maybe(random, 40, 'COUNT', pick(random, ['1', '2', '10', '0', '-1', 'x', '576460752303423488'])),
          ...maybe(random, 30, 'JUSTID'),
        ]
      case 'XSETID':
        return [
          main,
          key(),
          id(random),
          ...maybe(random, 30, 'ENTRIESADDED', pick(random, ['0', '3', '100', '-1', 'x', '9223372036854775807'])),
          ...maybe(random, 20, 'MAXDELETEDID', id(random)),
        ]
      case 'XGROUP':
        return upper[1] === undefined ? undefined : groupCommand(random, upper[1], key())
      case 'XINFO':
        return upper[1] === undefined ? undefined : infoCommand(random, upper[1], key())
      default:
        return undefined
    }
  },

  tame(words) {
    const name = words[0]!.toUpperCase()
    if (!name.startsWith('X')) return
    const far = (i: number) => {
      const idle = Number(words[i])
      if (idle > 0 && idle < 1e13 && words[i] !== '5000000') words[i] = LONG_IDLE
    }
    if (name === 'XCLAIM' || name === 'XAUTOCLAIM') far(4)
    // Every other number would be how many bytes are set aside at once.
    const large = (i: number) => {
      if (name === 'XAUTOCLAIM' && Number(words[i]) > 1000 && Number(words[i]) < 5e17) words[i] = '1000'
    }
    for (let i = 1; i < words.length - 1; i++) {
      const word = words[i]!.toUpperCase()
      // Whoever waits for a group is told of its end as if asking again, `keymiss` included; 7.0 had another way.
      if (word === 'BLOCK' && name === 'XREADGROUP') words[i] = 'COUNT'
      // Waiting is for ever; beyond 64 bits 7.0 overflows.
      if (word === 'BLOCK' && Number(words[i + 1]) > 0) words[i + 1] = '0'
      if (word === 'IDLE') far(i + 1)
      if (word === 'COUNT') large(i + 1)
    }
    const consumerAt = words.findIndex((word) => /^group$/i.test(word)) + 2
    const knownAt = name === 'XREADGROUP' && consumerAt > 1 ? consumerAt : /^X(AUTO)?CLAIM$/.test(name) ? 3 : 0
    if (knownAt > 0 && knownAt < words.length && !CONSUMERS.includes(words[knownAt]!)) words[knownAt] = 'alice'
    if (name === 'XADD') for (let i = 2; i < words.length; i++) if (words[i] === '*') words[i] = '41-*'
  },

  follow(words) {
    const [name, subcommand, key, of] = words
    if (!/^xgroup$/i.test(name!) || !/^(create|delconsumer)$/i.test(subcommand ?? '') || of === undefined) return []
    return CONSUMERS.map((known) => ['XGROUP', 'CREATECONSUMER', key!, of, known])
  },
}

function groupCommand(random: Random, subcommand: string, key: string): string[] {
  const at = chance(random, 30) ? '$' : chance(random, 40) ? '0' : id(random)
  switch (subcommand) {
    case 'CREATE':
      return ['XGROUP', subcommand, key, group(random), at, ...maybe(random, 40, 'MKSTREAM'), ...entriesRead(random)]
    case 'SETID':
      return ['XGROUP', subcommand, key, group(random), at, ...entriesRead(random)]
    case 'DESTROY':
      return ['XGROUP', subcommand, key, group(random)]
    default:
      return ['XGROUP', subcommand, key, group(random), consumer(random)]
  }
}

function infoCommand(random: Random, subcommand: string, key: string): string[] {
  switch (subcommand) {
    case 'STREAM':
      return ['XINFO', subcommand, key, ...maybe(random, 40, 'FULL', ...maybe(random, 50, 'COUNT', count(random)))]
    case 'CONSUMERS':
      return ['XINFO', subcommand, key, group(random)]
    default:
      return ['XINFO', subcommand, key]
  }
}
