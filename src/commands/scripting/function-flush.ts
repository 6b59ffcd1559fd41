// FUNCTION FLUSH: remove every library.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const functionFlush = defineCommand({
  name: 'FUNCTION FLUSH',
  summary: 'Removes every library of functions.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of functions deleted',
  arity: -2,
  flags: ['write', 'noscript'],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  args: [
    {
      name: 'flush-type',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'async', type: 'pure-token', token: 'ASYNC' },
        { name: 'sync', type: 'pure-token', token: 'SYNC' },
      ],
    },
  ],
  reply: 'OK',
  run(call) {
    const { args } = call
    if (args.length > 3) throw ERR.subcommandSyntax(args.string(1), 'FUNCTION')
    if (args.length === 3 && !args.equalsIgnoreCase(2, 'SYNC') && !args.equalsIgnoreCase(2, 'ASYNC')) {
      throw ERR.of('FUNCTION FLUSH only supports SYNC|ASYNC option')
    }
    call.engine.parts.scripting.functions.clear()
    // Journaled even if there was no library: a replica may have some.
    call.engine.effects.durability.changedLibraries()
    call.changes++
    call.reply.ok()
  },
})
