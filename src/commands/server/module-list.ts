// MODULE LIST: always empty, because modules do not exist here.

import { defineCommand } from '../define-command.ts'

export const moduleList = defineCommand({
  name: 'MODULE LIST',
  summary: 'Returns the loaded modules: there are none.',
  group: 'server',
  since: '4.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin', 'noscript'],
  tips: ['nondeterministic_output_order'],
  reply: 'array: always empty',
  run(call) {
    call.reply.array(0)
  },
})
