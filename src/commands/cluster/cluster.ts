// CLUSTER: the container of its subcommands.

import { defineCommand } from '../define-command.ts'

export const cluster = defineCommand({
  name: 'CLUSTER',
  summary: 'Holds the commands about the cluster that this server is a node of.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
