import { defineCommand } from '../define-command.ts'
import { replyHelp } from '../help.ts'

export const slowlogHelp = defineCommand({
  name: 'SLOWLOG HELP',
  summary: 'Explains the subcommands of SLOWLOG.',
  group: 'server',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'SLOWLOG', [
      [
        'GET [<count>]',
        'Return top <count> entries from the slowlog (default: 10, -1 mean all).',
        'Entries are made of:',
        'id, timestamp, time in microseconds, arguments array, client IP and port,',
        'client name',
      ],
      ['LEN', 'Return the length of the slowlog.'],
      ['RESET', 'Reset the slowlog.'],
    ])
  },
})
