// AUTH: say who you are.
//
// There is one user, `default`; `requirepass` is its password. Without one it is
// let in with any, but `AUTH password` alone is refused: whoever sends it believes
// that there is a password.

import { defineCommand } from '../../engine/command.ts'
import { engineOf } from '../../engine/engine.ts'
import { ERR } from '../../protocol/errors.ts'
import { authenticate } from './authenticate.ts'

export const auth = defineCommand({
  name: 'AUTH',
  summary: 'Says who the client is, and proves it with a password.',
  group: 'connection',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of passwords of the user.',
  arity: -2,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  args: [
    { name: 'username', type: 'string', optional: true },
    { name: 'password', type: 'string' },
  ],
  reply: 'status OK',
  history: [['6.0.0', 'Takes a user name too.']],
  // With more words it is none, and Redis hides nothing.
  hides: (args) => args.length <= 3,
  changesConnection: 'state',
  run(call) {
    const { args } = call
    if (args.length > 3) throw ERR.syntax
    if (args.length === 2 && engineOf(call).users.isOpen) throw ERR.noPasswordSet
    if (args.length === 2) authenticate(call, 'default', args.string(1))
    else authenticate(call, args.string(1), args.string(2))
    call.reply.ok()
  },
})
