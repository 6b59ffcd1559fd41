// UNSUBSCRIBE, PUNSUBSCRIBE, SUNSUBSCRIBE: stop listening, to some or to everything of a kind.
//
// Each name is confirmed, whether it was subscribed to or not; leaving everything
// when there is nothing is confirmed once, with a nil for the name.

import type { NameSet } from '../../util/tables/name-map.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

interface Kind {
  word: string
  /** What the client is subscribed to. */
  names(call: Call): NameSet
  leave(call: Call, name: string): void
  /** Subscriptions that remain. */
  count(call: Call): number
}

function unsubscribeFrom(call: Call, kind: Kind): void {
  const { args } = call
  if (args.length > 1) {
    for (let i = 1; i < args.length; i++) leave(call, kind, args.string(i))
  } else if (kind.names(call).size > 0) {
    for (const name of [...kind.names(call)]) leave(call, kind, name)
  } else {
    call.reply.push(3)
    call.reply.text(kind.word)
    call.reply.nil()
    call.reply.integer(kind.count(call))
  }
  call.client.followSubscriptions()
  call.keepReply()
}

function leave(call: Call, kind: Kind, name: string): void {
  kind.leave(call, name)
  call.reply.push(3)
  call.reply.text(kind.word)
  call.reply.text(name)
  call.reply.integer(kind.count(call))
}

const CHANNELS: Kind = {
  word: 'unsubscribe',
  names: (call) => call.client.channels,
  leave: (call, name) => call.engine.clients.pubSub.unsubscribe(call.client, name),
  count: (call) => call.client.subscriptions,
}

const PATTERNS: Kind = {
  word: 'punsubscribe',
  names: (call) => call.client.patterns,
  leave: (call, name) => call.engine.clients.pubSub.unsubscribePattern(call.client, name),
  count: (call) => call.client.subscriptions,
}

const SHARD_CHANNELS: Kind = {
  word: 'sunsubscribe',
  names: (call) => call.client.shardChannels,
  leave: (call, name) => call.engine.clients.pubSub.unsubscribeShard(call.client, name),
  count: (call) => call.client.shardChannels.size,
}

const common = {
  group: 'pubsub',
  arity: -1,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
} as const satisfies Partial<CommandSpec>

export const unsubscribe = defineCommand({
  ...common,
  name: 'UNSUBSCRIBE',
  summary: 'Stops listening to channels.',
  since: '2.0.0',
  complexity: 'O(N) where N is the number of channels left.',
  args: [{ name: 'channel', type: 'string', optional: true, multiple: true }],
  reply: 'push for each channel: unsubscribe, the channel or nil, the number of subscriptions that remain',
  whileSubscribed: true,
  changesConnection: 'subscriptions',
  run: (call) => unsubscribeFrom(call, CHANNELS),
})

export const punsubscribe = defineCommand({
  ...common,
  name: 'PUNSUBSCRIBE',
  summary: 'Stops listening to the channels that match patterns.',
  since: '2.0.0',
  complexity: 'O(N) where N is the number of patterns left.',
  args: [{ name: 'pattern', type: 'pattern', optional: true, multiple: true }],
  reply: 'push for each pattern: punsubscribe, the pattern or nil, the number of subscriptions that remain',
  whileSubscribed: true,
  changesConnection: 'subscriptions',
  run: (call) => unsubscribeFrom(call, PATTERNS),
})

export const sunsubscribe = defineCommand({
  ...common,
  name: 'SUNSUBSCRIBE',
  summary: 'Stops listening to shard channels.',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of shard channels left.',
  keys: [{ first: 1, last: -1, step: 1, access: 'RO', flags: ['not_key'] }],
  args: [{ name: 'shardchannel', type: 'string', optional: true, multiple: true }],
  reply: 'push for each shard channel: sunsubscribe, the channel or nil, the number of shard subscriptions that remain',
  whileSubscribed: true,
  changesConnection: 'subscriptions',
  run: (call) => unsubscribeFrom(call, SHARD_CHANNELS),
})
