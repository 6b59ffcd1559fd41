// The name under which a group listens: `$share/<group>/<channel>`, or a pattern in the channel's place.
//
// The group's name has no slash and no blank; what follows may have any. A group is one of its kind: `workers` on `orders.eu` and
// `workers` on `orders.us` are two, and so are a channel and a pattern of the same text.

import { Bytes } from '../util/bytes/bytes.ts'

const PREFIX = '$share/'

export interface SharedName {
  readonly group: string
  /** The channel or pattern whose messages the group hears. */
  readonly target: string
}

/** True when a name begins as those of groups do. */
export function isShared(name: string): boolean {
  return name.startsWith(PREFIX)
}

/** Reads a group's name; undefined = it is none, or it lacks something. */
export function parseSharedName(name: string): SharedName | undefined {
  if (!isShared(name)) return undefined
  const slash = name.indexOf('/', PREFIX.length)
  const group = name.slice(PREFIX.length, slash)
  if (slash === -1 || slash === name.length - 1 || !/^[!-~\x80-\xff]+$/.test(group)) return undefined
  return { group, target: name.slice(slash + 1) }
}

/** Returns the name of a group. */
export function sharedName({ group, target }: SharedName): string {
  return `${PREFIX}${group}/${target}`
}

/** Returns what a name listens to: the channel or pattern behind the group, or the name itself. */
export function targetOf(name: string): string {
  return parseSharedName(name)?.target ?? name
}

const target = new Bytes()
const FIRST = PREFIX.charCodeAt(0)

/** As `targetOf`; what is returned is valid until the next call. */
export function targetBytesOf(name: Bytes): Bytes {
  if (name.length <= PREFIX.length || name.at(0) !== FIRST) return name
  const { length } = targetOf(name.toString())
  return target.set(name.source, name.start + name.length - length, length)
}
