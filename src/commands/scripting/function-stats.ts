// FUNCTION STATS: the running function, and the number of functions.

import { defineCommand } from '../define-command.ts'

export const functionStats = defineCommand({
  name: 'FUNCTION STATS',
  summary: 'Tells which function is running and how many there are.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'allow_busy'],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  reply: 'map: running_script and engines',
  run(call) {
    const engine = call.engine
    const { reply } = call
    const scripts = engine.parts.scripting
    const { running } = scripts
    engine.effects.durability.lookedAtLibraries()
    reply.map(2)
    reply.text('running_script')
    if (running?.kind === 'function') {
      reply.map(3)
      reply.text('name')
      reply.text(running.name)
      reply.text('command')
      reply.array(running.command.length)
      for (const word of running.command) reply.text(word)
      reply.text('duration_ms')
      reply.integer(Math.round(engine.environment.workClock.monotonic() - running.startedMs))
    } else {
      reply.nil()
    }
    reply.text('engines')
    reply.map(1)
    reply.text('LUA')
    reply.map(2)
    reply.text('libraries_count')
    reply.integer(scripts.libraryCount)
    reply.text('functions_count')
    reply.integer(scripts.functionCount)
  },
})
