// The name that members of a group subscribe to: `$share/<group>/<channel>`, or with a pattern for
// the channel.
//
// The group's name has no slash and no blank; the rest may have any. Groups differ by name, by
// target and by kind: `workers` on `orders.eu` and `workers` on `orders.us` are two groups, and so
// are a channel and a pattern with the same text.

import { Bytes } from '../util/bytes/bytes.ts'

const PREFIX = '$share/'

export interface GroupName {
  readonly group: string
  /** The channel or pattern whose messages the group hears. */
  readonly target: string
}

/** Tells whether a name begins like the name of a group. */
export function isShared(name: string): boolean {
  return name.startsWith(PREFIX)
}

/** Parses a group's name; returns undefined when it is not one, or lacks a part. */
export function parseSharedName(name: string): GroupName | undefined {
  if (!isShared(name)) return undefined
  const slash = name.indexOf('/', PREFIX.length)
  const group = name.slice(PREFIX.length, slash)
  if (slash === -1 || slash === name.length - 1 || !/^[!-~\x80-\xff]+$/.test(group)) return undefined
  return { group, target: name.slice(slash + 1) }
}

/** Returns the name of a group. */
export function sharedName({ group, target }: GroupName): string {
  return `${PREFIX}${group}/${target}`
}

/** Returns the channel or pattern behind a group's name. Any other name is its own target. */
export function targetOf(name: string): string {
  return parseSharedName(name)?.target ?? name
}

const target = new Bytes()
const FIRST = PREFIX.charCodeAt(0)

/** Does the same as `targetOf` for bytes. The result is valid until the next call. */
export function targetBytesOf(name: Bytes): Bytes {
  if (name.length <= PREFIX.length || name.at(0) !== FIRST) return name
  const { length } = targetOf(name.toString())
  return target.set(name.source, name.start + name.length - length, length)
}
