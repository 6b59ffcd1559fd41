// MEMORY: the container of its subcommands.

import { defineCommand } from '../define-command.ts'

export const memory = defineCommand({
  name: 'MEMORY',
  summary: 'Holds the commands about memory.',
  group: 'server',
  since: '4.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
