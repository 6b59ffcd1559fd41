// ECHO: returns its argument.

import { defineCommand } from '../define-command.ts'

export const echo = defineCommand({
  name: 'ECHO',
  summary: 'Answers with the message it was given.',
  group: 'connection',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale', 'fast'],
  args: [{ name: 'message', type: 'string' }],
  reply: 'bulk string: the message',
  run(call) {
    call.reply.bulk(call.args.bytes(1))
  },
})
