// COMMAND COUNT: the number of commands.

import { defineCommand } from '../define-command.ts'

export const commandCount = defineCommand({
  name: 'COMMAND COUNT',
  summary: 'Returns how many commands there are.',
  group: 'server',
  since: '2.8.13',
  complexity: 'O(1)',
  acl: ['connection'],
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'integer: number of commands, subcommands not counted',
  run(call) {
    call.reply.integer(call.engine.commands.size)
  },
})
