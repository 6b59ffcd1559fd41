// Keys that stand where a command's one key spec says, as those of nearly every command do: who may use them is found out without
// a list of them.

import { READ, WRITE } from '../../acl/patterns.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { KeySpec, PlainKeys } from './command-spec.ts'

/** Returns the keys of a command that has plain ones; undefined = it has others, or none. */
export function plainKeysOf(keys: readonly KeySpec[] | undefined): PlainKeys | undefined {
  if (keys?.length !== 1 || !isPlain(itemAt(keys, 0))) return undefined
  const { first = 1, last = first, step = 1, flagsOf, use = [] } = itemAt(keys, 0)
  return { first, last, step, needs: needsOf(typeof use === 'string' ? [use] : use), flagsOf }
}

function isPlain({ count, find, flags, flagsOf, keyword, unknown }: KeySpec): boolean {
  const isRange = count === undefined && keyword === undefined && unknown === undefined && find === undefined
  return isRange && (flags === undefined || flagsOf !== undefined)
}

/** What must be allowed of a key to which this happens. To look whether it is there, or how long it is, a pattern will do, whatever it grants. */
export function needsOf(flags: readonly string[]): number {
  let needs = 0
  for (let i = 0; i < flags.length; i++) {
    const flag = itemAt(flags, i)
    if (flag === 'access') needs |= READ
    else if (flag === 'update' || flag === 'insert' || flag === 'delete') needs |= WRITE
  }
  return needs
}
