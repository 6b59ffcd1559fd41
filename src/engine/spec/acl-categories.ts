// The categories of commands that access rules name: `+@read`, `-@dangerous`.
//
// Most follow from a spec's flags and group. `acl` in a spec lists only the exceptions; a minus
// takes a category away.

import { assert } from '../../util/assert.ts'
import type { Command, Group } from './command.ts'

/** Redis's categories, in the order COMMAND INFO prints them. */
export const ACL_CATEGORIES = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
] as const
export type AclCategory = (typeof ACL_CATEGORIES)[number]

/** The groups `generic` and `server` imply no category: their commands list their own. */
const BY_GROUP: Readonly<Partial<Record<Group, AclCategory>>> = {
  string: 'string',
  list: 'list',
  hash: 'hash',
  set: 'set',
  'sorted-set': 'sortedset',
  stream: 'stream',
  connection: 'connection',
  scripting: 'scripting',
  transactions: 'transaction',
  bitmap: 'bitmap',
  hyperloglog: 'hyperloglog',
  geo: 'geo',
}

/** Returns the categories of a command, in Redis's order. */
export function aclCategories(command: Command): AclCategory[] {
  const { spec, flags } = command
  const categories = new Set<string>()
  // A container is never run itself: its only category is `slow`.
  const group = spec.run === undefined ? undefined : BY_GROUP[spec.group]
  if (group !== undefined) categories.add(group)
  if (flags.has('write')) categories.add('write')
  if (flags.has('readonly') && group !== 'scripting') categories.add('read')
  if (flags.has('admin')) categories.add('admin').add('dangerous')
  if (flags.has('pubsub')) categories.add('pubsub')
  if (flags.has('blocking')) categories.add('blocking')
  categories.add(flags.has('fast') ? 'fast' : 'slow')
  for (const exception of spec.acl ?? []) {
    const name = exception.replace(/^-/, '')
    assert(
      ACL_CATEGORIES.some((category) => category === name),
      'a spec names categories that exist',
    )
    if (exception.startsWith('-')) categories.delete(exception.slice(1))
    else categories.add(exception)
  }
  return ACL_CATEGORIES.filter((category) => categories.has(category))
}
