import { defineCommand } from '../../engine/command.ts'
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
    replyHelp(call, 'MODULE', [['LIST', 'Loaded modules; there are none.']])
  },
})
