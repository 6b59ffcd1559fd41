// SCRIPT LOAD: compile a script for EVALSHA without running it.

import { defineCommand } from '../define-command.ts'

export const scriptLoad = defineCommand({
  name: 'SCRIPT LOAD',
  summary: 'Compiles a Lua script for EVALSHA.',
  group: 'scripting',
  since: '2.6.0',
  complexity: 'O(N) with N the length in bytes of the script body.',
  arity: 3,
  flags: ['noscript', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  args: [{ name: 'script', type: 'string' }],
  reply: 'bulk string: the SHA-1 of the script',
  run(call) {
    call.reply.text(call.engine.parts.scripting.cache.script(call.args.bytes(2), 'kept').sha)
  },
})
