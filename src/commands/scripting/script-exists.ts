// SCRIPT EXISTS: tells which scripts EVALSHA would find.

import { defineCommand } from '../define-command.ts'

export const scriptExists = defineCommand({
  name: 'SCRIPT EXISTS',
  summary: 'Tells which scripts are known here, by their SHA-1.',
  group: 'scripting',
  since: '2.6.0',
  complexity: 'O(N) with N the number of scripts to check.',
  arity: -3,
  flags: ['noscript'],
  tips: ['request_policy:all_shards', 'response_policy:agg_logical_and'],
  args: [{ name: 'sha1', type: 'string', multiple: true }],
  reply: 'array: 1 for each that is known, 0 for each that is not',
  run(call) {
    const { cache } = call.engine.parts.scripting
    call.reply.array(call.args.length - 2)
    for (let i = 2; i < call.args.length; i++) {
      call.reply.integer(cache.find(call.args.bytes(i)) === undefined ? 0 : 1)
    }
  },
})
