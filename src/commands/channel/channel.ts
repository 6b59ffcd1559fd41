// CHANNEL: the messages that channels keep, and how far subscribers have read. The container, and
// how its subcommands name channels.
//
// A name is that of a channel; SHARD behind all other arguments makes it a shard channel, PATTERN a
// subscribed pattern. The name always has the same place, where access rules find it.

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Channels } from '../../channels/channels.ts'
import { logKey, positionsKey, scheduledKeys } from '../../channels/log/channel-keys.ts'
import type { ArgSpec } from '../../engine/spec/command.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

export const channel = defineCommand({
  name: 'CHANNEL',
  summary: 'Holds the commands about what channels keep, and who has heard it.',
  group: 'channel',
  since: '0.1.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})

/** The common parts of the subcommands' specs. */
export const channelCommon = {
  group: 'channel',
  since: '0.1.0',
} as const satisfies Partial<CommandSpec>

/** SHARD, for names that may be those of shard channels. */
export const SHARD_ARG: ArgSpec = { name: 'shard', type: 'pure-token', token: 'SHARD', optional: true }

/** SHARD or PATTERN, for names that may be those of patterns, too. */
export const KIND_ARG: ArgSpec = {
  name: 'kind',
  type: 'oneof',
  optional: true,
  args: [
    { name: 'shard', type: 'pure-token', token: 'SHARD' },
    { name: 'pattern', type: 'pure-token', token: 'PATTERN' },
  ],
}

/** The name under which a subscriber is remembered. */
export const SUBSCRIBER_ARGS: readonly ArgSpec[] = [
  { name: 'user', type: 'string' },
  { name: 'name', type: 'string' },
]

export const NO_SUBSCRIBER = ERR.of('nothing is remembered of this subscriber')

/**
 * Tells access rules what argument 2 is: a channel, or a pattern if the last of `words` words is
 * PATTERN.
 */
export function namedBefore(...counts: readonly number[]): NonNullable<CommandSpec['channels']> {
  const are = (args: Arguments, at: number) =>
    counts.includes(args.length - at) && args.equalsIgnoreCase(args.length - 1, 'PATTERN') ? 'patterns' : 'names'
  return { first: 2, last: 2, are }
}

/**
 * Tells what a name is in a request whose command's name is at `from`, if the word in one place
 * says so.
 */
function kindIn(args: Arguments, at: number): SubscriptionKind {
  if (at !== args.length - 1) return 'channel'
  if (args.equalsIgnoreCase(at, 'SHARD')) return 'shard'
  return args.equalsIgnoreCase(at, 'PATTERN') ? 'pattern' : 'channel'
}

/**
 * Returns the key that holds the messages of the channel in argument 2. `kindAt` is the index of
 * the argument that may say SHARD.
 */
export function messagesOf(kindAt: number): NonNullable<CommandSpec['changesKey']> {
  return (args, from) => logKey(kindIn(args, from + kindAt), args.string(from + 2))
}

/** Returns the key that holds the channel's scheduled messages. */
export function scheduledOf(kindAt: number): NonNullable<CommandSpec['changesKey']> {
  return (args, from) =>
    scheduledKeys(kindIn(args, from + kindAt) === 'shard' ? 'shard' : 'channel', args.string(from + 2)).times
}

/**
 * Returns the key that holds the position of a subscriber, whose user is argument 3. A user may
 * always change its own position.
 */
export function placeOf(kindAt: number): NonNullable<CommandSpec['changesKey']> {
  return (args, from, user) =>
    args.string(from + 3) === user ? undefined : positionsKey(kindIn(args, from + kindAt), args.string(from + 2))
}

/** Reads the last word, from argument `i` on, which tells the kind of a name. */
export function readKind(call: Call, i: number): SubscriptionKind {
  const { args } = call
  if (i === args.length) return 'channel'
  if (i === args.length - 1) {
    if (args.equalsIgnoreCase(i, 'SHARD')) return 'shard'
    if (args.equalsIgnoreCase(i, 'PATTERN')) return 'pattern'
  }
  throw ERR.syntax
}

/** Like `readKind`, for commands that take no patterns. */
export function readChannelKind(call: Call, i: number): 'channel' | 'shard' {
  const kind = readKind(call, i)
  if (kind === 'pattern') throw ERR.syntax
  return kind
}

/** Reads a subscriber: the user of argument `i`, and its connection's name behind it. */
export function readSubscriber(call: Call, i: number): string {
  return `${call.args.string(i)} ${call.args.string(i + 1)}`
}

export function channelsIn(call: Call): Channels {
  return call.engine.parts.channels
}

/** Replies with pairs of a name and its value. */
export function replyRows(
  reply: Reply,
  rows: readonly (readonly [name: string, write: (reply: Reply) => void])[],
): void {
  reply.map(rows.length)
  for (const [name, write] of rows) {
    reply.text(name)
    write(reply)
  }
}
