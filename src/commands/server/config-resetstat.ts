// CONFIG RESETSTAT: sets the counters of INFO to 0.

import { forgetCalls } from '../../engine/spec/command.ts'
import { defineCommand } from '../define-command.ts'
import { infoFigures } from './info.ts'

export const configResetstat = defineCommand({
  name: 'CONFIG RESETSTAT',
  summary: 'Sets the counters that INFO shows back to zero.',
  group: 'server',
  since: '2.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  reply: 'status: OK',
  run(call) {
    const engine = call.engine
    engine.figures.stats.reset()
    infoFigures(engine).reset()
    engine.data.dataset.use.hits = 0
    engine.data.dataset.use.misses = 0
    engine.clients.pubSub.published = 0
    engine.clients.pubSub.delivered = 0
    for (const command of engine.commands.used()) forgetCalls(command)
    // Redis counts a call when it ends, so this call is the first one counted.
    call.command.calls = 1
    call.command.untimed = 1
    call.reply.ok()
  },
})
