import { defineCommand } from '../define-command.ts'
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
      ['CHANNELS [<pattern>]', "Return the currently active channels matching a <pattern> (default: '*')."],
      ['NUMPAT', 'Return number of subscriptions to patterns.'],
      [
        'NUMSUB [<channel> ...]',
        'Return the number of subscribers for the specified channels, excluding',
        'pattern subscriptions(default: no channels).',
      ],
      [
        'SHARDCHANNELS [<pattern>]',
        "Return the currently active shard level channels matching a <pattern> (default: '*').",
      ],
      ['SHARDNUMSUB [<shardchannel> ...]', 'Return the number of subscribers for the specified shard level channel(s)'],
    ])
  },
})
