// SCRIPT FLUSH: forgets every script. The next EVALSHA gets NOSCRIPT.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

const BAD_OPTION = ERR.of('SCRIPT FLUSH only support SYNC|ASYNC option')

export const scriptFlush = defineCommand({
  name: 'SCRIPT FLUSH',
  summary: 'Forgets every script.',
  group: 'scripting',
  since: '2.6.0',
  complexity: 'O(N) with N the number of scripts in cache',
  arity: -2,
  flags: ['noscript'],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  args: [
    {
      name: 'flush-type',
      type: 'oneof',
      optional: true,
      since: '6.2.0',
      args: [
        { name: 'async', type: 'pure-token', token: 'ASYNC' },
        { name: 'sync', type: 'pure-token', token: 'SYNC' },
      ],
    },
  ],
  reply: 'OK',
  history: [['6.2.0', 'Accepts ASYNC and SYNC.']],
  run(call) {
    const engine = call.engine
    const { args, reply } = call
    if (args.length > 3) throw BAD_OPTION
    if (args.length === 3 && !args.equalsIgnoreCase(2, 'SYNC') && !args.equalsIgnoreCase(2, 'ASYNC')) throw BAD_OPTION
    engine.parts.scripting.cache.clear()
    reply.ok()
  },
})
