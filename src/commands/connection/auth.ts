// AUTH: logs a client in as a user.
//
// A password alone is that of the user `default`. While that user has no password, `AUTH password`
// is refused, because the client believes that there is one.

import { ERR } from '../../protocol/errors.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { authenticate } from './authenticate.ts'

const DEFAULT_USER = Bytes.from('default')

export const auth = defineCommand({
  name: 'AUTH',
  summary: 'Says who the client is, and proves it with a password.',
  group: 'connection',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of passwords of the user.',
  arity: -2,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  args: [
    { name: 'username', type: 'string', optional: true, since: '6.0.0' },
    { name: 'password', type: 'string' },
  ],
  reply: 'status OK',
  history: [['6.0.0', 'Takes a user name too.']],
  // With more words the request is no AUTH, and Redis hides nothing in MONITOR and the slow log.
  hides: (args) => args.length <= 3,
  changesConnection: 'state',
  run(call) {
    const { args } = call
    if (args.length > 3) throw ERR.syntax
    if (args.length === 2 && call.engine.clients.users.default.noPassword) throw ERR.noPasswordSet
    if (args.length === 2) authenticate(call, DEFAULT_USER, args.bytes(1))
    else authenticate(call, args.bytes(1), args.bytes(2))
    call.reply.ok()
  },
})
