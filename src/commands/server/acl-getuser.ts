// ACL GETUSER: the fields of a user.

import type { Selector } from '../../acl/selector.ts'
import type { Reply } from '../../protocol/reply.ts'
import { defineCommand } from '../define-command.ts'

export const aclGetuser = defineCommand({
  name: 'ACL GETUSER',
  summary: 'Tells the rules of a user.',
  group: 'server',
  since: '6.0.0',
  complexity: 'O(N) where N is the number of rules of the user.',
  arity: 3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  args: [{ name: 'username', type: 'string' }],
  reply: 'map: flags, hashes of passwords, commands, keys, channels, selectors; nil when there is no such user',
  history: [
    ['6.2.0', 'Tells the patterns of channels.'],
    ['7.0.0', 'Tells selectors, and keys and channels as rules.'],
  ],
  run(call) {
    const { reply } = call
    const user = call.engine.clients.users.get(call.args.string(2))
    if (user === undefined) {
      reply.nil()
      return
    }
    const { flags, passwords, selectors } = user
    const [own, ...others] = selectors
    reply.map(6)
    reply.text('flags')
    reply.set(flags.length)
    for (const flag of flags) reply.text(flag)
    reply.text('passwords')
    reply.array(passwords.size)
    for (const hash of passwords) reply.text(hash)
    replySelector(reply, own!)
    reply.text('selectors')
    reply.array(others.length)
    for (const selector of others) {
      reply.map(3)
      replySelector(reply, selector)
    }
  },
})

function replySelector(reply: Reply, selector: Selector): void {
  reply.text('commands')
  reply.text(selector.describeCommands())
  reply.text('keys')
  reply.text(selector.describeKeys())
  reply.text('channels')
  reply.text(selector.describeChannels())
}
