// Keys whose places one key spec describes wholly, as in nearly every command. Rights to them are
// checked without making a list of the keys.

import { READ, WRITE } from '../../acl/patterns.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { KeySpec, PlainKeys } from './command-spec.ts'

/** Returns the plain keys of a command; undefined = it has other keys, or none. */
export function plainKeysOf(keys: readonly KeySpec[] | undefined): PlainKeys | undefined {
  if (keys?.length !== 1 || !isPlain(itemAt(keys, 0))) return undefined
  const { first = 1, last = first, step = 1, flagsOf, use = [] } = itemAt(keys, 0)
  return { first, last, step, needs: needsOf(typeof use === 'string' ? [use] : use), flagsOf }
}

function isPlain({ count, find, flags, flagsOf, keyword, unknown }: KeySpec): boolean {
  const isRange = count === undefined && keyword === undefined && unknown === undefined && find === undefined
  return isRange && (flags === undefined || flagsOf !== undefined)
}

/**
 * Returns the rights that a key needs for these uses. To ask if a key exists, or for its length,
 * any pattern that names the key will do.
 */
export function needsOf(flags: readonly string[]): number {
  let needs = 0
  for (let i = 0; i < flags.length; i++) {
    const flag = itemAt(flags, i)
    if (flag === 'access') needs |= READ
    else if (flag === 'update' || flag === 'insert' || flag === 'delete') needs |= WRITE
  }
  return needs
}
