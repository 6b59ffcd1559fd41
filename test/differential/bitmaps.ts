// Bitmap commands: offsets that meet, every field type, all the words of BITFIELD.

import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

const OFFSETS_BAD = ['-1', '#', '#x', '#-1', '4294967296', '9223372036854775807', '#9223372036854775807', '', '1.0']
const TYPES_BAD = ['u64', 'i65', 'i0', 'u0', 'i-1', 'i08', 'I8', 'U8', 'u', '', 'x8', 'i+8', 'u 8', 'i8 ']

function offset(random: Random): string {
  if (chance(random, 3)) return pick(random, OFFSETS_BAD)
  if (chance(random, 10)) return String(random.below(5000))
  return String(random.below(90))
}

function type(random: Random): string {
  if (chance(random, 3)) return pick(random, TYPES_BAD)
  const wide = chance(random, 40)
  if (chance(random, 50)) return `i${wide ? 1 + random.below(64) : pick(random, [2, 3, 8, 16, 32])}`
  return `u${wide ? 1 + random.below(63) : pick(random, [1, 3, 8, 16, 32])}`
}

/** A number near a limit of some field, on either side. */
function operand(random: Random): string {
  if (chance(random, 40)) return values.integer(random)
  const limit = 1n << BigInt(random.below(64))
  return String(BigInt.asIntN(64, (chance(random, 50) ? -limit : limit) + BigInt(random.below(5) - 2)))
}

function fields(random: Random, readOnly: boolean): string[] {
  const words: string[] = []
  const at = () => (chance(random, 30) ? `#${random.below(9)}` : offset(random))
  for (let i = random.below(5); i >= 0; i--) {
    const roll = readOnly && chance(random, 95) ? 0 : random.below(100)
    if (roll < 30) words.push('GET', type(random), at())
    else if (roll < 60) words.push('SET', type(random), at(), operand(random))
    else if (roll < 85) words.push('INCRBY', type(random), at(), operand(random))
    else words.push('OVERFLOW', pick(random, ['WRAP', 'SAT', 'sat', 'FAIL', 'fail', chance(random, 10) ? 'no' : 'SAT']))
  }
  return words
}

function range(random: Random, maxWords: number): string[] {
  const position = () => (chance(random, 90) ? String(random.below(120) - 50) : values.integer(random))
  const words = [position(), position(), pick(random, ['BIT', 'BYTE', 'bit', chance(random, 10) ? 'WORD' : 'BIT'])]
  return words.slice(
    0,
    pick(
      random,
      [0, 1, 2, 2, 3, 3].filter((count) => count <= maxWords),
    ),
  )
}

export const bitmaps: Family = {
  make(random, name, key) {
    switch (name) {
      case 'bitfield':
      case 'bitfield_ro':
        return [name.toUpperCase(), key(), ...fields(random, name === 'bitfield_ro')]
      case 'bitcount':
        return ['BITCOUNT', key(), ...range(random, 3)]
      case 'bitpos':
        return [
          'BITPOS',
          key(),
          pick(random, ['0', '1', '0', '1', '2', 'x'].slice(0, chance(random, 5) ? 6 : 4)),
          ...range(random, 3),
        ]
      case 'bitop': {
        const operation = pick(random, ['AND', 'OR', 'XOR', 'NOT', 'and', chance(random, 10) ? 'NAND' : 'OR'])
        const count = operation === 'NOT' ? 1 : 1 + random.below(4)
        return ['BITOP', operation, key(), ...Array.from({ length: count }, key)]
      }
      case 'setbit':
        return ['SETBIT', key(), offset(random), pick(random, ['0', '1', '1', '1', chance(random, 10) ? '2' : '1'])]
      case 'getbit':
        return ['GETBIT', key(), offset(random)]
    }
    return undefined
  },
  tame(words) {
    const name = words[0]!.toUpperCase()
    if (name === 'BITCOUNT') tameRange(words, 2, true)
    if (name === 'BITPOS') tameRange(words, 3, false)
    if (name !== 'SETBIT' && name !== 'BITFIELD') return
    for (let i = 2; i < words.length; i++) {
      // Strings of many megabytes, also as the n-th of fields.
      const number = Number(words[i]!.replace('#', ''))
      const isOffset = name === 'SETBIT' ? i === 2 : /^[iu]/i.test(words[i - 1]!)
      if (isOffset && number > 20_000 && number < 2 ** 40) words[i] = '20000'
    }
  },
}

/** 7.2 reads a range before it looks for the key; in 7.0 a missing key is a miss first, and is answered whatever the range. */
function tameRange(words: string[], first: number, inPairs: boolean): void {
  for (let i = first; i < Math.min(words.length, first + 2); i++) {
    if (!/^-?[1-9][0-9]{0,17}$/.test(words[i]!)) words[i] = '0'
  }
  if (words.length > first + 2 && !/^(bit|byte)$/i.test(words[first + 2]!)) words[first + 2] = 'BYTE'
  if (words.length > first + 3) words.length = first + 3
  if (inPairs && words.length === first + 1) words.length = first
}
