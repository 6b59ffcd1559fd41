import { defineCommand } from '../define-command.ts'
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
      ['ACK <channel> <id> [PATTERN <pattern>|SHARD]', 'Say that everything up to <id> was heard.'],
      ['CANCEL <channel> <id> [SHARD]', 'Take a scheduled message back.'],
      [
        'FORGET <channel> <user> <name> [SHARD|PATTERN]',
        'Forget how far a subscriber has heard; PATTERN makes <channel> a pattern.',
      ],
      [
        'HISTORY <channel> <from> <to> [COUNT <count>] [REV] [SHARD]',
        'Return the kept messages whose ids lie in a range; with REV the last first.',
      ],
      ['INFO <channel> [SHARD]', 'Tell about a channel: its rule, what it keeps, who listens.'],
      [
        'LAG <channel> [<user> <name>] [SHARD|PATTERN]',
        'Return how many messages a subscriber, or each of them, has not heard yet.',
      ],
      ['LIST [<pattern>] [SHARD]', "Return the channels that keep messages, and match a <pattern> (default: '*')."],
      [
        'PENDING <channel> [COUNT <count>] [SHARD]',
        'Return the scheduled messages, in the order in which they will be published.',
      ],
      [
        'SEEK <channel> <user> <name> (<id>|<unix-time-ms>|FIRST|LAST) [SHARD|PATTERN]',
        'Have a subscriber go on behind an <id>, at a time, at the first message, or behind the last.',
      ],
      ['SUBSCRIBERS <channel> [SHARD|PATTERN]', 'Return those who are remembered, and how far each has heard.'],
      ['TRIM <channel> (MAXLEN <count>|MINID <id>) [SHARD]', 'Remove old messages.'],
    ])
  },
})
