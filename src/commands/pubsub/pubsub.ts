// PUBSUB: questions about channels and their subscribers.

import { defineCommand } from '../define-command.ts'

export const pubsub = defineCommand({
  name: 'PUBSUB',
  summary: 'Answers questions about channels and patterns.',
  group: 'pubsub',
  since: '2.8.0',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
})
