import { defineCommand } from '../define-command.ts'
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
      ['GET <pattern>', 'Return parameters matching the glob-like <pattern> and their values.'],
      ['SET <directive> <value>', 'Set the configuration <directive> to <value>.'],
      ['RESETSTAT', 'Reset statistics reported by the INFO command.'],
      ['REWRITE', 'Rewrite the configuration file.'],
    ])
  },
})
