import { defineCommand } from '../define-command.ts'
import { replyHelp } from '../help.ts'

export const moduleHelp = defineCommand({
  name: 'MODULE HELP',
  summary: 'Explains the subcommands of MODULE.',
  group: 'server',
  since: '5.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'MODULE', [
      ['LIST', 'Return a list of loaded modules.'],
      ['LOAD <path> [<arg> ...]', 'Load a module library from <path>, passing to it any optional arguments.'],
      [
        'LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]',
        'Load a module library from <path>, while passing it module configurations and optional arguments.',
      ],
      ['UNLOAD <name>', 'Unload a module.'],
    ])
  },
})
