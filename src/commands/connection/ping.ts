import { defineCommand } from '../../engine/command.ts'

export const ping = defineCommand({
  name: 'PING',
  summary: 'x',
  group: 'connection',
  since: '1.0.0',
  arity: -1,
  flags: ['fast'],
  run(call) {
    if (call.args.length > 1) call.reply.bulk(call.args.bytes(1))
    else call.reply.status('PONG')
  },
})
