// UNSUBSCRIBE, PUNSUBSCRIBE, SUNSUBSCRIBE: end some subscriptions of a kind, or all.
//
// Each name is confirmed, whether it was subscribed or not. Unsubscribing from everything without a
// subscription is confirmed once, with nil for the name.

import { SUBSCRIPTIONS, type SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function unsubscribeFrom(call: Call, kind: SubscriptionKind): void {
  const { args, client, reply } = call
  const { count, names, unsubscribed } = SUBSCRIPTIONS[kind]
  if (args.length > 1) {
    for (let i = 1; i < args.length; i++) leave(call, kind, args.string(i))
  } else if (names(client).size > 0) {
    for (const name of [...names(client)]) leave(call, kind, name)
  } else {
    reply.push(3)
    reply.text(unsubscribed)
    reply.nil()
    reply.integer(count(client))
  }
  client.followSubscriptions()
  call.keepReply()
}

function leave({ client, engine, reply }: Call, kind: SubscriptionKind, name: string): void {
  const { count, unsubscribed } = SUBSCRIPTIONS[kind]
  engine.clients.pubSub.unsubscribe(client, kind, name)
  reply.push(3)
  reply.text(unsubscribed)
  reply.text(name)
  reply.integer(count(client))
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
  run: (call) => unsubscribeFrom(call, 'channel'),
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
  run: (call) => unsubscribeFrom(call, 'pattern'),
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
  run: (call) => unsubscribeFrom(call, 'shard'),
})
