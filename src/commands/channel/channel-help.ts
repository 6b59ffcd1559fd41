import { defineCommand } from '../../engine/command.ts'
import { replyHelp } from '../help.ts'
import { channelCommon } from './channel.ts'

export const channelHelp = defineCommand({
  ...channelCommon,
  name: 'CHANNEL HELP',
  summary: 'Explains the subcommands of CHANNEL.',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'CHANNEL', [
      ['CANCEL <channel> <id> [SHARD]', 'Take a scheduled message back.'],
      [
        'PENDING <channel> [COUNT <count>] [SHARD]',
        'Return the scheduled messages, in the order in which they will be published.',
      ],
    ])
  },
})
