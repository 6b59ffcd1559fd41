import { defineCommand } from '../../engine/command.ts'
import { replyHelp } from '../help.ts'

export const pubsubHelp = defineCommand({
  name: 'PUBSUB HELP',
  summary: 'Explains the subcommands of PUBSUB.',
  group: 'pubsub',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'PUBSUB', [
      ['CHANNELS [<pattern>]', 'Channels that somebody listens to, or those that match a pattern.'],
      ['NUMPAT', 'Number of different patterns that somebody listens to.'],
      ['NUMSUB [<channel> ...]', 'Number of subscribers of each channel, those by pattern not included.'],
      ['SHARDCHANNELS [<pattern>]', 'As CHANNELS, of shard channels.'],
      ['SHARDNUMSUB [<shardchannel> ...]', 'As NUMSUB, of shard channels.'],
    ])
  },
})
