// ACL: users and their rights.

import { defineCommand } from '../define-command.ts'

export const acl = defineCommand({
  name: 'ACL',
  summary: 'Holds the commands about users and their rights.',
  group: 'server',
  since: '6.0.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
