// SENTINEL: the container of its subcommands.

import { defineCommand } from '../define-command.ts'
import { isOffered } from './shard-arguments.ts'

export const sentinel = defineCommand({
  name: 'SENTINEL',
  summary: 'Holds the commands by which clients of Redis Sentinel find a primary.',
  group: 'sentinel',
  since: '2.8.4',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: ['admin'],
  isOffered,
})
