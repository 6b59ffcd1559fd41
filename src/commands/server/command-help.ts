import { defineCommand } from '../define-command.ts'
import { replyHelp } from '../help.ts'

export const commandHelp = defineCommand({
  name: 'COMMAND HELP',
  summary: 'Explains the subcommands of COMMAND.',
  group: 'server',
  since: '5.0.0',
  complexity: 'O(1)',
  acl: ['connection'],
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'COMMAND', [
      ['(no subcommand)', 'Return details about all Redis commands.'],
      ['COUNT', 'Return the total number of commands in this Redis server.'],
      ['LIST', 'Return a list of all commands in this Redis server.'],
      [
        'INFO [<command-name> ...]',
        'Return details about multiple Redis commands.',
        'If no command names are given, documentation details for all',
        'commands are returned.',
      ],
      [
        'DOCS [<command-name> ...]',
        'Return documentation details about multiple Redis commands.',
        'If no command names are given, documentation details for all',
        'commands are returned.',
      ],
      ['GETKEYS <full-command>', 'Return the keys from a full Redis command.'],
      ['GETKEYSANDFLAGS <full-command>', 'Return the keys and the access flags from a full Redis command.'],
    ])
  },
})
