// LATENCY: the container of its subcommands.

import { defineCommand } from '../define-command.ts'

export const latency = defineCommand({
  name: 'LATENCY',
  summary: 'Holds the commands about what took long.',
  group: 'server',
  since: '2.8.13',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
