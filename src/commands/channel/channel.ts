// CHANNEL: what channels keep, and who has heard how much of it. The container, and how its subcommands name what they are about.
//
// A name is that of a channel; SHARD behind all other arguments makes it that of a shard channel.

import { type Channels, channelsOf } from '../../channels/channels.ts'
import type { Call } from '../../engine/call.ts'
import { type ArgSpec, type CommandSpec, defineCommand } from '../../engine/command.ts'
import { engineOf } from '../../engine/engine.ts'
import { ERR } from '../../protocol/errors.ts'

export const channel = defineCommand({
  name: 'CHANNEL',
  summary: 'Holds the commands about what channels keep, and who has heard it.',
  group: 'channel',
  since: '0.1.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})

/** What the specs of the subcommands have in common. */
export const channelCommon = {
  group: 'channel',
  since: '0.1.0',
} as const satisfies Partial<CommandSpec>

/** SHARD, where a name may be that of a shard channel. */
export const SHARD_ARG: ArgSpec = { name: 'shard', type: 'pure-token', token: 'SHARD', optional: true }

/** Reads the word that says what a name is, the last one, from argument `i`. */
export function readChannelKind({ args }: Call, i: number): 'channel' | 'shard' {
  if (i === args.length) return 'channel'
  if (i === args.length - 1 && args.equalsIgnoreCase(i, 'SHARD')) return 'shard'
  throw ERR.syntax
}

export function channelsIn(call: Call): Channels {
  return channelsOf(engineOf(call))
}
