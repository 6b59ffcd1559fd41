import { defineCommand } from '../../engine/command.ts'
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
      ['(no subcommand)', 'What there is to know of every command.'],
      ['COUNT', 'How many commands there are.'],
      ['LIST [FILTERBY MODULE <module>|ACLCAT <category>|PATTERN <pattern>]', 'Names of commands.'],
      ['INFO [<command-name> ...]', 'Flags, keys and categories of commands; of all when none is named.'],
      ['DOCS [<command-name> ...]', 'Documentation of commands; of all when none is named.'],
      ['GETKEYS <full-command>', 'The keys of a command that is written out.'],
      ['GETKEYSANDFLAGS <full-command>', 'The same, with what would happen to each key.'],
    ])
  },
})
