import { defineCommand } from '../../engine/command.ts'

export const set = defineCommand({
  name: 'SET',
  summary: 'x',
  group: 'string',
  since: '1.0.0',
  arity: -3,
  flags: ['write', 'denyoom'],
  run(call) {
    call.db.writeString(call.key(1), call.args.bytes(2))
    call.changed(call.key(1), 'set')
    call.reply.ok()
  },
})
