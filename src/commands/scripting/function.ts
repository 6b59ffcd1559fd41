// FUNCTION: libraries of functions, which stay when the server restarts.

import { defineCommand } from '../define-command.ts'

export const function_ = defineCommand({
  name: 'FUNCTION',
  summary: 'Holds the commands about function libraries.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
