// CLIENT: commands about connections, one's own and others.

import { defineCommand } from '../define-command.ts'

export const client = defineCommand({
  name: 'CLIENT',
  summary: 'Inspects and controls connections.',
  group: 'connection',
  since: '2.4.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
