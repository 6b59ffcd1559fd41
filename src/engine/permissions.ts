// Is a user allowed a request: its command, the keys it names and what happens to each, the channels it names?
//
// One selector must allow all of it. When none does, what is told is what the selector that came furthest refused.

import { READ, WRITE } from '../acl/patterns.ts'
import type { Selector } from '../acl/selector.ts'
import type { User } from '../acl/user.ts'
import type { Arguments } from '../protocol/arguments.ts'
import { lowerCase } from '../util/text.ts'
import type { Command, KeySpec } from './command.ts'
import { findKeys, hasKeys, keyRange } from './key-extraction.ts'

export interface Denial {
  readonly reason: 'command' | 'key' | 'channel'
  /** Where what was refused stands, counted from the command's name. */
  readonly index: number
}

/** Later ones win. */
const REASONS = ['command', 'key', 'channel'] as const

/** A denial, or no denial, in one number: the reason's place times this, and the index. */
const INDEX_MAX = 2 ** 32
const ALLOWED = -1

/** Returns why a user may not make a request; undefined = it may. `from` is where the command's name stands in `args`. */
export function denialOf(user: User, command: Command, args: Arguments, from = 0): Denial | undefined {
  const { selectors } = user
  let furthest = ALLOWED
  for (let i = 0; i < selectors.length; i++) {
    const refused = ask(selectors[i]!, command, args, from)
    if (refused === ALLOWED) return undefined
    if (refused > furthest) furthest = refused
  }
  return { reason: REASONS[Math.floor(furthest / INDEX_MAX)]!, index: furthest % INDEX_MAX }
}

/** Tells whether one selector allows a request and lets it read every key besides (SORT … GET). */
export function mayReadEveryKey(user: User, command: Command, args: Arguments): boolean {
  return user.selectors.some((selector) => selector.readsEveryKey && ask(selector, command, args, 0) === ALLOWED)
}

/** Returns ALLOWED, or what is refused. */
function ask(selector: Selector, command: Command, args: Arguments, from: number): number {
  if (!selector.allCommands && !mayCall(selector, command, args, from)) return 0
  if (!selector.allKeys) {
    const index = refusedKey(selector, command, args, from)
    if (index !== 0) return INDEX_MAX + index
  }
  if (!selector.allChannels && command.spec.channels !== undefined) {
    const index = refusedChannel(selector, command, args, from)
    if (index !== 0) return 2 * INDEX_MAX + index
  }
  return ALLOWED
}

function mayCall(selector: Selector, command: Command, args: Arguments, from: number): boolean {
  if (selector.hasCommand(command.id) || command.flags.has('no_auth')) return true
  const words = selector.firstArgumentsOf(command.id)
  return words !== undefined && args.length > from + 1 && words.has(lowerCase(args.string(from + 1)))
}

/** Where the first key stands that is refused; 0 = nowhere. */
function refusedKey(selector: Selector, command: Command, args: Arguments, from: number): number {
  const { keys } = command.spec
  if (keys === undefined) return 0
  if (keys.length === 1 && isPlain(keys[0]!)) {
    // Nearly every command: no list of keys need be made.
    const spec = keys[0]!
    const range = keyRange(spec, args, from)
    if (typeof range === 'string') return 0
    const { flagsOf, use } = spec
    const needs = needsOf(flagsOf === undefined ? use : flagsOf(args, from))
    for (let i = range.first; i <= range.last; i += range.step) {
      if (!selector.allowsKey(args.bytes(from + i), needs)) return i
    }
    return 0
  }
  if (!hasKeys(command)) return 0
  for (const { index, flags } of findKeys(command, args, from) ?? []) {
    if (!selector.allowsKey(args.bytes(index), needsOf(flags))) return index - from
  }
  return 0
}

/** Its keys are where it says, and nothing else is one. */
function isPlain({ count, find, flags, flagsOf, keyword, unknown }: KeySpec): boolean {
  const isRange = count === undefined && keyword === undefined && unknown === undefined && find === undefined
  return isRange && (flags === undefined || flagsOf !== undefined)
}

/** What must be allowed of a key to which this happens. Looking at whether it is there, or how long it is, needs nothing but a pattern. */
function needsOf(flags: string | readonly string[] | undefined): number {
  if (flags === undefined) return 0
  if (typeof flags === 'string') return flags === 'access' ? READ : WRITE
  let needs = 0
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i]!
    if (flag === 'access') needs |= READ
    else if (flag === 'update' || flag === 'insert' || flag === 'delete') needs |= WRITE
  }
  return needs
}

function refusedChannel(selector: Selector, command: Command, args: Arguments, from: number): number {
  const { first, last, are } = command.spec.channels!
  const end = last < 0 ? args.length + last : from + last
  for (let i = from + first; i <= end; i++) {
    if (!selector.allowsChannel(args.bytes(i), are === 'patterns')) return i - from
  }
  return 0
}
