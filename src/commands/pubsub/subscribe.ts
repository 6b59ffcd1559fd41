// SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE: listen to channels, to patterns, to shard channels.
//
// Each name is confirmed by a message of its own, even if it is subscribed already. The number in
// the message counts channels and patterns together, and shard channels apart. A client without
// replies (CLIENT REPLY OFF) gets it, too.
//
// A client that subscribes to `$share/<group>/<channel>` shares the channel's messages with the
// other members of the group (broker/group-name.ts).

import { isShared, parseSharedName } from '../../broker/group-name.ts'
import { SUBSCRIPTIONS, type SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { Requirements, RequirementsHost } from '../../engine/spec/command-spec.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const NOT_IN_TRANSACTION = ERR.of("SSUBSCRIBE isn't allowed for a DENY BLOCKING client")

const GROUP_WITHOUT_NAME = ERR.of('a group is named $share/<group>/<channel>, the group without blanks')

/**
 * The requirements of a subscription whose position is stored: memory, for as long as a rule says.
 */
const REMEMBERING: Requirements = {
  isWrite: false,
  isDenyoom: true,
  mayReplicate: false,
  runsWhileLoading: true,
  runsWhileStale: true,
}

function claimsOf(
  { clients: { pubSub } }: RequirementsHost,
  args: Arguments,
  client: Client,
  kind: SubscriptionKind,
): Requirements | undefined {
  return pubSub.hasKeeper && pubSub.remembersMore(client, kind, namesIn(args)) ? REMEMBERING : undefined
}

function namesIn(args: Arguments): string[] {
  const names: string[] = []
  for (let i = 1; i < args.length; i++) names.push(args.string(i))
  return names
}

/**
 * Refuses incomplete names of groups, which would never get a message, and subscriptions beyond the
 * number that their rule remembers.
 */
function checkNames(call: Call, kind: SubscriptionKind): void {
  const names = namesIn(call.args)
  for (const name of names) if (isShared(name) && parseSharedName(name) === undefined) throw GROUP_WITHOUT_NAME
  call.engine.clients.pubSub.checkSubscribe(call.client, kind, names)
}

function subscribeTo(call: Call, kind: SubscriptionKind): void {
  const { args, client, engine, reply } = call
  const { count, subscribed } = SUBSCRIPTIONS[kind]
  checkNames(call, kind)
  for (let i = 1; i < args.length; i++) {
    engine.clients.pubSub.subscribe(client, kind, args.string(i))
    reply.push(3)
    reply.text(subscribed)
    reply.bulk(args.bytes(i))
    reply.integer(count(client))
  }
  client.followSubscriptions()
  call.keepReply()
}

const common = {
  group: 'pubsub',
  arity: -2,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
} as const satisfies Partial<CommandSpec>

export const subscribe = defineCommand({
  ...common,
  name: 'SUBSCRIBE',
  summary: 'Listens to channels.',
  since: '2.0.0',
  complexity: 'O(N) where N is the number of channels to subscribe to.',
  channels: { first: 1, last: -1, are: 'names' },
  args: [{ name: 'channel', type: 'string', multiple: true }],
  declared: (host, args, client) => claimsOf(host, args, client, 'channel'),
  reply: 'push for each channel: subscribe, the channel, the number of subscriptions',
  whileSubscribed: true,
  changesConnection: 'subscriptions',
  run: (call) => subscribeTo(call, 'channel'),
})

export const psubscribe = defineCommand({
  ...common,
  name: 'PSUBSCRIBE',
  summary: 'Listens to every channel that matches one of some patterns.',
  since: '2.0.0',
  complexity: 'O(N) where N is the number of patterns to subscribe to.',
  channels: { first: 1, last: -1, are: 'patterns' },
  args: [{ name: 'pattern', type: 'pattern', multiple: true }],
  declared: (host, args, client) => claimsOf(host, args, client, 'pattern'),
  reply: 'push for each pattern: psubscribe, the pattern, the number of subscriptions',
  whileSubscribed: true,
  changesConnection: 'subscriptions',
  run: (call) => subscribeTo(call, 'pattern'),
})

export const ssubscribe = defineCommand({
  ...common,
  name: 'SSUBSCRIBE',
  summary: 'Listens to shard channels.',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of shard channels to subscribe to.',
  keys: [{ first: 1, last: -1, step: 1, access: 'RO', flags: ['not_key'] }],
  channels: { first: 1, last: -1, are: 'names' },
  args: [{ name: 'shardchannel', type: 'string', multiple: true }],
  declared: (host, args, client) => claimsOf(host, args, client, 'shard'),
  reply: 'push for each shard channel: ssubscribe, the channel, the number of shard subscriptions',
  whileSubscribed: true,
  changesConnection: 'subscriptions',
  run(call) {
    // Unlike SUBSCRIBE and PSUBSCRIBE it is refused inside MULTI.
    if (!call.mayBlock) throw NOT_IN_TRANSACTION
    subscribeTo(call, 'shard')
  },
})
