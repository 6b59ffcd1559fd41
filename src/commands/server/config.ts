// CONFIG: reads and changes the settings of the server.

import { defineCommand } from '../define-command.ts'

export const config = defineCommand({
  name: 'CONFIG',
  summary: 'Holds the commands about the configuration.',
  group: 'server',
  since: '2.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
