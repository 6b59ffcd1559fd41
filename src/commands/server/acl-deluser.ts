// ACL DELUSER: removes users and ends their connections. The asking client's own connection ends
// after the reply.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const aclDeluser = defineCommand({
  name: 'ACL DELUSER',
  summary: 'Removes users and ends their connections.',
  group: 'server',
  since: '6.0.0',
  complexity: 'O(N) where N is the number of connections, for each user.',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  args: [{ name: 'username', type: 'string', multiple: true }],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  reply: 'integer: how many users there were of these names',
  run(call) {
    const { args } = call
    const {
      clients: { users },
    } = call.engine
    for (let i = 2; i < args.length; i++) {
      if (args.string(i) === users.default.name) throw ERR.of("The 'default' user cannot be removed")
    }
    let deleted = 0
    for (let i = 2; i < args.length; i++) if (users.delete(args.string(i))) deleted++
    call.reply.integer(deleted)
  },
})
