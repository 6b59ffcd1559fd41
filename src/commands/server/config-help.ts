import { defineCommand } from '../../engine/command.ts'
import { replyHelp } from '../help.ts'

export const configHelp = defineCommand({
  name: 'CONFIG HELP',
  summary: 'Explains the subcommands of CONFIG.',
  group: 'server',
  since: '5.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'CONFIG', [
      ['GET <pattern> [<pattern> ...]', 'Settings whose names match a glob pattern, with their values.'],
      ['SET <directive> <value> [<directive> <value> ...]', 'Change settings, all of them or none.'],
      ['RESETSTAT', "Begin INFO's counters again."],
      ['REWRITE', 'Write the settings in force into the config file.'],
    ])
  },
})
