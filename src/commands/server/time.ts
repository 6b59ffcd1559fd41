// TIME: the server's time, in seconds and microseconds.

import { defineCommand } from '../define-command.ts'

export const time = defineCommand({
  name: 'TIME',
  summary: "Returns the server's time.",
  group: 'server',
  since: '2.6.0',
  complexity: 'O(1)',
  arity: 1,
  flags: ['loading', 'stale', 'fast'],
  tips: ['nondeterministic_output'],
  reply: 'array: Unix seconds, and the microseconds within that second',
  run(call) {
    const microseconds = Math.floor(call.now() * 1000)
    const seconds = Math.floor(microseconds / 1e6)
    call.reply.array(2)
    call.reply.text(String(seconds))
    call.reply.text(String(microseconds - seconds * 1e6))
  },
})
