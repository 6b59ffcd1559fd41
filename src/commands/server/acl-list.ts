// ACL LIST, ACL USERS: every user as a line of the ACL file, or the names alone.

import type { User } from '../../acl/user.ts'
import { userLine } from '../../acl/user-lines.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const common = {
  group: 'server',
  since: '6.0.0',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
} as const satisfies Partial<CommandSpec>

export const aclList = defineCommand({
  ...common,
  name: 'ACL LIST',
  summary: 'Tells all users with their rules.',
  complexity: 'O(N log N) where N is the number of users.',
  reply: 'array: a line of the ACL file for each user',
  run: (call) => replyEach(call, userLine),
})

export const aclUsers = defineCommand({
  ...common,
  name: 'ACL USERS',
  summary: 'Tells the names of all users.',
  complexity: 'O(N log N) where N is the number of users.',
  reply: 'array: names',
  run: (call) => replyEach(call, ({ name }) => name),
})

function replyEach(call: Call, textOf: (user: User) => string): void {
  const users = call.engine.clients.users.sorted()
  call.reply.array(users.length)
  for (const user of users) call.reply.text(textOf(user))
}
