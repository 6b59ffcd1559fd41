// MODULE: the container of its subcommands.

import { defineCommand } from '../define-command.ts'

export const module = defineCommand({
  name: 'MODULE',
  summary: 'Holds the commands about modules.',
  group: 'server',
  since: '4.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
