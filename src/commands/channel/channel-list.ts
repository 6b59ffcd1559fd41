// CHANNEL LIST: the channels that keep messages, if the user may subscribe to them.

import { ERR } from '../../protocol/errors.ts'
import { globMatch } from '../../util/bytes/glob.ts'
import { defineCommand } from '../define-command.ts'
import { channelCommon, channelsIn, SHARD_ARG } from './channel.ts'

export const channelList = defineCommand({
  ...channelCommon,
  name: 'CHANNEL LIST',
  summary: 'Lists the channels that have messages which a rule keeps.',
  complexity: 'O(N) where N is the number of channels that a rule names; at a replica or follower the number of keys.',
  arity: -2,
  flags: ['readonly', 'pubsub'],
  args: [{ name: 'pattern', type: 'pattern', optional: true }, SHARD_ARG],
  tips: ['nondeterministic_output_order'],
  reply: 'array: the channels, in no particular order',
  run(call) {
    const { args } = call
    const kind = args.length > 2 && args.equalsIgnoreCase(args.length - 1, 'SHARD') ? 'shard' : 'channel'
    const words = args.length - (kind === 'shard' ? 1 : 0)
    if (words > 3) throw ERR.syntax
    const pattern = words === 3 ? args.string(2) : undefined
    const { selectors } = call.client.identity.user
    const names: string[] = []
    for (const { kind: found, name } of channelsIn(call).keptChannels) {
      if (found !== kind) continue
      if (pattern !== undefined && !globMatch(pattern, name)) continue
      if (selectors.some((selector) => selector.allowsChannelNamed(name, false))) names.push(name)
    }
    call.reply.array(names.length)
    for (const name of names) call.reply.text(name)
  },
})
