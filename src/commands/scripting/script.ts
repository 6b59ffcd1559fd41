// SCRIPT: the cache of scripts, and the running script.

import { defineCommand } from '../define-command.ts'

export const script = defineCommand({
  name: 'SCRIPT',
  summary: 'Holds the commands about scripts.',
  group: 'scripting',
  since: '2.6.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
