// PUBSUB CHANNELS, PUBSUB SHARDCHANNELS: the channels that have subscribers.

import { ERR } from '../../protocol/errors.ts'
import { globMatch } from '../../util/bytes/glob.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function list(call: Call, channels: Iterable<string>): void {
  if (call.args.length > 3) throw ERR.subcommandSyntax(call.args.string(1), 'PUBSUB')
  const names = [...channels]
  const pattern = call.args.length === 3 ? call.args.string(2) : undefined
  const found = pattern === undefined ? names : names.filter((name) => globMatch(pattern, name))
  call.reply.array(found.length)
  for (const name of found) call.reply.text(name)
}

const common = {
  group: 'pubsub',
  arity: -2,
  flags: ['pubsub', 'loading', 'stale'],
  args: [{ name: 'pattern', type: 'pattern', optional: true }],
  reply: 'array of channels, in no particular order',
} as const satisfies Partial<CommandSpec>

export const pubsubChannels = defineCommand({
  ...common,
  name: 'PUBSUB CHANNELS',
  summary: 'Lists the channels that have subscribers; patterns do not count.',
  since: '2.8.0',
  complexity: 'O(N) where N is the number of channels with subscribers.',
  run: (call) => list(call, call.engine.clients.pubSub.names('channel')),
})

export const pubsubShardChannels = defineCommand({
  ...common,
  name: 'PUBSUB SHARDCHANNELS',
  summary: 'Lists the shard channels that have subscribers.',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of shard channels with subscribers.',
  run: (call) => list(call, call.engine.clients.pubSub.names('shard')),
})
