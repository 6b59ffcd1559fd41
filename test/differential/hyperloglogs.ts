// HyperLogLog commands: enough elements to pass from one representation to the other, and strings that are nearly HyperLogLogs.

import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

const HEADER = 'HYLL\x01\0\0\0\0\0\0\0\0\0\0'

/** Elements of a common stock, or sixty new ones at once. */
function elements(random: Random): string[] {
  if (chance(random, 15)) {
    const first = random.below(1_000_000)
    return Array.from({ length: 20 + random.below(200) }, (_, i) => String(first + i))
  }
  return Array.from({ length: random.below(5) }, () =>
    chance(random, 40) ? values.text(random) : `element:${random.below(300)}`,
  )
}

/** A sparse one whose runs are whatever they are. */
function forged(random: Random): string {
  let text = `${HEADER}${pick(random, ['\x80', '\x80', '\x00'])}`
  // All registers, and bytes behind them.
  if (chance(random, 20)) text += '\x7f\xff'
  for (let i = random.below(6); i > 0; i--) text += String.fromCharCode(random.below(256))
  if (chance(random, 40)) return `${text}\x7f\xff`
  // Cut off in the middle of a run, a C program reads what happens to stand behind the string.
  return `${text}\x20`
}

export const hyperloglogs: Family = {
  make(random, name, key) {
    switch (name) {
      case 'pfadd':
        if (chance(random, 3)) return ['SET', key(), forged(random)]
        return ['PFADD', key(), ...elements(random)]
      case 'pfcount':
        if (chance(random, 20)) return ['GET', key()]
        return ['PFCOUNT', ...Array.from({ length: pick(random, [1, 1, 1, 2, 3]) }, key)]
      case 'pfmerge':
        return ['PFMERGE', key(), ...Array.from({ length: pick(random, [0, 1, 1, 2, 3]) }, key)]
      case 'pfdebug':
        return [
          'PFDEBUG',
          pick(random, ['DECODE', 'DECODE', 'encoding', 'ENCODING', 'TODENSE', chance(random, 20) ? 'GETREG' : 'x\ny']),
          key(),
        ]
    }
    return undefined
  },
}
