// Draws one of several things.

import { assert } from '../../util/assert.ts'
import type { Random } from '../../util/numbers/random.ts'

/** Returns one of the items, drawn at random. There must be one. */
export function anyOf<T>(items: readonly T[], random: Random): T {
  const drawn = items[random.below(items.length)]
  assert(drawn !== undefined, 'there is an item to draw')
  return drawn
}
