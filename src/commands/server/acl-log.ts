// ACL LOG: the refusals of users, the newest first; RESET forgets them.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

const COUNT_DEFAULT = 10

export const aclLog = defineCommand({
  name: 'ACL LOG',
  summary: 'Tells what users were refused lately, or forgets it.',
  group: 'server',
  since: '6.0.0',
  complexity: 'O(N) with N entries told of.',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  args: [
    {
      name: 'operation',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'count', type: 'integer' },
        { name: 'reset', type: 'pure-token', token: 'RESET' },
      ],
    },
  ],
  reply: 'array: a map for each entry; with RESET status OK',
  history: [['7.2.0', 'Tells the id of the entry, when it was created and when it was updated last.']],
  run(call) {
    const { args, reply } = call
    const { log } = call.engine.clients.users
    if (args.length > 3) throw ERR.subcommandSyntax(args.string(1), 'ACL')
    if (args.length === 3 && args.equalsIgnoreCase(2, 'RESET')) {
      log.clear()
      reply.ok()
      return
    }
    const count = args.length === 3 ? Number(args.integer(2)) : COUNT_DEFAULT
    const now = call.now()
    const entries = log.newest(Math.max(0, Math.min(count, log.length)))
    reply.array(entries.length)
    for (const entry of entries) {
      reply.map(10)
      reply.text('count')
      reply.integer(entry.count)
      reply.text('reason')
      reply.text(entry.reason)
      reply.text('context')
      reply.text(entry.context)
      reply.text('object')
      reply.text(entry.object)
      reply.text('username')
      reply.text(entry.username)
      reply.text('age-seconds')
      reply.double((now - entry.updatedMs) / 1000)
      reply.text('client-info')
      reply.text(entry.clientInfo)
      reply.text('entry-id')
      reply.integer(entry.id)
      reply.text('timestamp-created')
      reply.integer(entry.createdMs)
      reply.text('timestamp-last-updated')
      reply.integer(entry.updatedMs)
    }
  },
})
