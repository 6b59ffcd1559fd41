// SLOWLOG: the container of its subcommands.

import { defineCommand } from '../define-command.ts'

export const slowlog = defineCommand({
  name: 'SLOWLOG',
  summary: 'Holds the commands about commands that took long.',
  group: 'server',
  since: '2.2.12',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
