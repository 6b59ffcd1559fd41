// SCRIPT DEBUG: the debugger of redis-cli, which Respite does not have. Scripts are compiled, and
// run to their end.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

const NO_DEBUGGER = ERR.of('Lua debugging is not available: scripts are compiled and run to their end')

export const scriptDebug = defineCommand({
  name: 'SCRIPT DEBUG',
  summary: 'Sets how scripts are debugged; there is no debugger here.',
  group: 'scripting',
  since: '3.2.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript'],
  args: [
    {
      name: 'mode',
      type: 'oneof',
      args: [
        { name: 'yes', type: 'pure-token', token: 'YES' },
        { name: 'sync', type: 'pure-token', token: 'SYNC' },
        { name: 'no', type: 'pure-token', token: 'NO' },
      ],
    },
  ],
  reply: 'OK for NO; an error otherwise',
  run({ args, reply }) {
    if (args.equalsIgnoreCase(2, 'NO')) return reply.ok()
    if (args.equalsIgnoreCase(2, 'YES') || args.equalsIgnoreCase(2, 'SYNC')) throw NO_DEBUGGER
    throw ERR.of('Use SCRIPT DEBUG YES/SYNC/NO')
  },
})
