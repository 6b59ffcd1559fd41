// PUBLISH, SPUBLISH: send a message to all current subscribers. If a rule keeps the message
// (channels/), the command is a write. It is a write, too, with one of our options ID, IN and AT
// (publish-options.ts), because the server stores them.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import { publishMessage } from '../../engine/effects/publish.ts'
import type { Requirements, RequirementsHost } from '../../engine/spec/command-spec.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { isPublishOption, PLAIN_WORDS, PUBLISH_OPTIONS, publishWithOptions } from './publish-options.ts'

/** The requirements of a publication that is stored. */
const KEEPING: Requirements = {
  isWrite: true,
  isDenyoom: true,
  mayReplicate: true,
  runsWhileLoading: false,
  runsWhileStale: false,
}

function claimsOf({ clients: { pubSub } }: RequirementsHost, args: Arguments): Requirements | undefined {
  return args.length > PLAIN_WORDS || pubSub.isKept(args.bytes(1)) ? KEEPING : undefined
}

function publishRequest(call: Call, kind: ChannelKind): void {
  call.reply.integer(publishMessage(call.engine, kind, call.args.bytes(1), call.args.bytes(2), call))
}

const common = {
  group: 'pubsub',
  arity: -PLAIN_WORDS,
  ownOption: isPublishOption,
  flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
  channels: { first: 1, last: 1, are: 'names' },
} as const satisfies Partial<CommandSpec>

export const publish = defineCommand({
  ...common,
  name: 'PUBLISH',
  summary: 'Sends a message to the subscribers of a channel.',
  since: '2.0.0',
  complexity:
    'O(N+M) where N is the number of receivers and M the number of patterns that share a literal prefix with the channel.',
  args: [{ name: 'channel', type: 'string' }, { name: 'message', type: 'string' }, ...PUBLISH_OPTIONS],
  declared: claimsOf,
  reply:
    'integer: how many received the message; a client that listens in two ways counts twice; or text: the id of a message that is scheduled',
  run(call) {
    if (call.args.length > PLAIN_WORDS) return publishWithOptions(call, 'channel')
    publishRequest(call, 'channel')
  },
})

export const spublish = defineCommand({
  ...common,
  name: 'SPUBLISH',
  summary: 'Sends a message to the subscribers of a shard channel.',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of receivers.',
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', flags: ['not_key'] }],
  args: [{ name: 'shardchannel', type: 'string' }, { name: 'message', type: 'string' }, ...PUBLISH_OPTIONS],
  declared: claimsOf,
  reply: 'integer: how many received the message; or text: the id of a message that is scheduled',
  run(call) {
    if (call.args.length > PLAIN_WORDS) return publishWithOptions(call, 'shard')
    publishRequest(call, 'shard')
  },
})
