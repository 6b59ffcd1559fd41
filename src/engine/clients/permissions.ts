// Decides if a user is allowed a request: its command, its keys with their uses, and its channels.
//
// Groups of subscribers (`$share/group/channel`) are checked as their channel. One selector must
// allow the whole request. When none does, the denial is that of the selector that allowed most of
// it.

import { WRITE } from '../../acl/patterns.ts'
import type { Selector } from '../../acl/selector.ts'
import type { User } from '../../acl/user.ts'
import { targetBytesOf } from '../../broker/group-name.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { lowerCase } from '../../util/bytes/text.ts'
import type { Command } from '../spec/command.ts'
import type { PlainKeys } from '../spec/command-spec.ts'
import { findKeys, hasKeys } from '../spec/key-extraction.ts'
import { needsOf } from '../spec/simple-key-spec.ts'

export interface Denial {
  readonly reason: 'command' | 'key' | 'channel'
  /** The place of the refused argument, counted from the command's name. */
  readonly index: number
}

/** A denial for a later reason is reported before one for an earlier reason. */
const REASONS = ['command', 'key', 'channel'] as const

/**
 * A denial as one number: the index of its reason times this, plus the index of the argument.
 * ALLOWED = there is none.
 */
const INDEX_MAX = 2 ** 32
const ALLOWED = -1

/**
 * Returns the reason why a user may not make a request; undefined = it may. `from` is the place of
 * the command's name in `args`.
 */
export function denialOf(user: User, command: Command, args: Arguments, from = 0): Denial | undefined {
  const { selectors } = user
  let furthest = ALLOWED
  for (let i = 0; i < selectors.length; i++) {
    const refused = ask(itemAt(selectors, i), user, command, args, from)
    if (refused === ALLOWED) return undefined
    if (refused > furthest) furthest = refused
  }
  assert(furthest !== ALLOWED, 'a user has a selector, which has refused the request')
  return { reason: itemAt(REASONS, Math.floor(furthest / INDEX_MAX)), index: furthest % INDEX_MAX }
}

/** Tells if one selector allows a request and also lets it read every key (SORT … GET). */
export function mayReadEveryKey(user: User, command: Command, args: Arguments): boolean {
  return user.selectors.some((selector) => selector.readsEveryKey && ask(selector, user, command, args, 0) === ALLOWED)
}

/** Returns ALLOWED, or the denial as a number. */
function ask(selector: Selector, user: User, command: Command, args: Arguments, from: number): number {
  if (!selector.allCommands && !mayCall(selector, command, args, from)) return 0
  if (!selector.allKeys) {
    const index = refusedKey(selector, user, command, args, from)
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

/**
 * Returns the place of the first refused key; 0 = none is. If the places of keys make no sense
 * there are no keys: the command will reply with an error.
 */
function refusedKey(selector: Selector, user: User, command: Command, args: Arguments, from: number): number {
  const { plainKeys, spec } = command
  if (plainKeys !== undefined) return refusedPlainKey(selector, plainKeys, args, from)
  if (spec.changesKey !== undefined) {
    const key = spec.changesKey(args, from, user.name)
    return key === undefined || selector.allowsKey(Bytes.from(key), WRITE) ? 0 : spec.channels!.first
  }
  if (!hasKeys(command)) return 0
  for (const { index, flags } of findKeys(command, args, from) ?? []) {
    if (!selector.allowsKey(args.bytes(index), needsOf(flags))) return index - from
  }
  return 0
}

function refusedPlainKey(selector: Selector, keys: PlainKeys, args: Arguments, from: number): number {
  const { first, flagsOf, step } = keys
  const count = args.length - from
  const last = keys.last < 0 ? count + keys.last : keys.last
  if (first >= count || last >= count || last < first) return 0
  const needs = flagsOf === undefined ? keys.needs : needsOf(flagsOf(args, from))
  for (let i = first; i <= last; i += step) if (!selector.allowsKey(args.bytes(from + i), needs)) return i
  return 0
}

function refusedChannel(selector: Selector, command: Command, args: Arguments, from: number): number {
  const { first, last, are } = command.spec.channels!
  const end = last < 0 ? args.length + last : from + last
  const arePatterns = (typeof are === 'string' ? are : are(args, from)) === 'patterns'
  for (let i = from + first; i <= end; i++) {
    if (!selector.allowsChannel(targetBytesOf(args.bytes(i)), arePatterns)) return i - from
  }
  return 0
}
