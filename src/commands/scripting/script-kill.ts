// SCRIPT KILL, FUNCTION KILL: end a script that takes too long and has changed nothing yet.

import { type CommandSpec, defineCommand } from '../define-command.ts'

const common = {
  group: 'scripting',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'allow_busy'],
  tips: ['request_policy:all_shards', 'response_policy:one_succeeded'],
  reply: 'OK; its caller gets an error',
} as const satisfies Partial<CommandSpec>

export const scriptKill = defineCommand({
  ...common,
  name: 'SCRIPT KILL',
  summary: 'Ends the script that is running.',
  since: '2.6.0',
  run(call) {
    const engine = call.engine
    const { reply } = call
    engine.parts.scripting.kill('script')
    reply.ok()
  },
})

export const functionKill = defineCommand({
  ...common,
  name: 'FUNCTION KILL',
  summary: 'Ends the function that is running.',
  since: '7.0.0',
  run(call) {
    const engine = call.engine
    const { reply } = call
    engine.parts.scripting.kill('function')
    reply.ok()
  },
})
