// Geo commands: places close enough together to be found, some at the edges of the map, and areas of every size.

import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

const UNITS = ['m', 'km', 'ft', 'mi', 'M', 'KM', 'Ft', 'km', 'km']
const EDGES = [
  '180',
  '-180',
  '85.05112878',
  '-85.05112878',
  '0',
  '-0',
  '90',
  '179.9999999',
  '-179.9999999',
  '85.05',
  '-85.05',
]

const member = (random: Random): string => (chance(random, 3) ? values.text(random) : `p${random.below(60)}`)

/** Around one of a few towns, so that small areas find something; sometimes anywhere. */
function place(random: Random): [string, string] {
  if (chance(random, 3)) return [values.float(random), values.float(random)]
  if (chance(random, 6)) return [pick(random, EDGES), pick(random, EDGES)]
  const spread = 10 ** (random.below(7) - 3)
  const [longitude, latitude] = pick(random, [
    [13.36, 38.11],
    [-0.12, 51.5],
    [179.99, -16.5],
    [-179.99, -16.8],
    [25.5, 84.9],
    [-70, -84.8],
    [0.001, 0.001],
  ] as const)
  const near = (center: number, max: number) => {
    const value = center + (random.below(2_000_001) / 1_000_000 - 1) * spread
    return Math.max(-max, Math.min(max, value)).toFixed(random.below(9))
  }
  return [near(longitude, 180), near(latitude, 85.05)]
}

function size(random: Random): string {
  if (chance(random, 4)) return values.float(random)
  return String(random.below(1000) * 10 ** (random.below(7) - 3))
}

const unit = (random: Random): string => (chance(random, 2) ? pick(random, ['', 'yd', 'kms']) : pick(random, UNITS))

function options(random: Random, store: 'keys' | 'flag' | 'none', key: () => string): string[] {
  const words: string[] = []
  if (chance(random, 40)) words.push(pick(random, ['ASC', 'DESC', 'asc']))
  if (chance(random, 25))
    words.push('COUNT', chance(random, 90) ? String(1 + random.below(12)) : values.integer(random))
  if (chance(random, words.includes('COUNT') ? 30 : 2)) words.push('ANY')
  const storing = store !== 'none' && chance(random, store === 'keys' ? 25 : 50)
  if (!storing || chance(random, 3))
    for (const word of ['WITHCOORD', 'WITHDIST', 'withhash'])
      if (chance(random, store === 'flag' ? 1 : 30)) words.push(word)
  if (storing)
    words.push(...(store === 'keys' ? [pick(random, ['STORE', 'STOREDIST', 'store']), key()] : ['STOREDIST']))
  return words
}

function area(random: Random): string[] {
  const from = chance(random, 40) ? ['FROMMEMBER', member(random)] : ['FROMLONLAT', ...place(random)]
  const by = chance(random, 50)
    ? ['BYRADIUS', size(random), unit(random)]
    : ['BYBOX', size(random), size(random), unit(random)]
  return chance(random, 50) ? [...from, ...by] : [...by, ...from]
}

export const places: Family = {
  make(random, name, key) {
    const verb = name.toUpperCase()
    switch (name) {
      case 'geoadd': {
        const words = [
          verb,
          key(),
          ...pick(random, [[], [], [], ['NX'], ['XX'], ['CH'], ['CH', 'NX'], ['XX', 'CH'], ['NX', 'XX']]),
        ]
        for (let i = random.below(12); i >= 0; i--) words.push(...place(random), member(random))
        return words
      }
      case 'geodist':
        return [verb, key(), member(random), member(random), ...(chance(random, 50) ? [unit(random)] : [])]
      case 'geopos':
      case 'geohash':
        return [verb, key(), ...Array.from({ length: random.below(5) }, () => member(random))]
      case 'georadius':
      case 'georadius_ro':
        return [
          verb,
          key(),
          ...place(random),
          size(random),
          unit(random),
          ...options(random, verb === 'GEORADIUS' ? 'keys' : 'none', key),
        ]
      case 'georadiusbymember':
      case 'georadiusbymember_ro':
        return [
          verb,
          key(),
          member(random),
          size(random),
          unit(random),
          ...options(random, verb.endsWith('RO') ? 'none' : 'keys', key),
        ]
      case 'geosearch':
        return [verb, key(), ...area(random), ...options(random, 'none', key)]
      case 'geosearchstore':
        return [verb, key(), key(), ...area(random), ...options(random, 'flag', key)]
    }
    return undefined
  },
  tame(words) {
    // A distance as a score has all its digits, and the last may be another where sines are computed otherwise. Replies
    // have four decimals.
    for (let i = 1; i < words.length; i++) {
      if (!/^storedist$/i.test(words[i]!)) continue
      if (/^geosearchstore$/i.test(words[0]!)) words.splice(i--, 1)
      else words[i] = 'STORE'
    }
  },
}
