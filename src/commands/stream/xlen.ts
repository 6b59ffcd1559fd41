// XLEN: the number of entries in a stream.

import { Stream } from '../../store/stream/stream.ts'
import { defineCommand } from '../define-command.ts'

export const xlen = defineCommand({
  name: 'XLEN',
  summary: 'Returns how many entries a stream has.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'integer: the number of entries, 0 when there is no stream',
  run(call) {
    call.reply.integer(call.db.getForRead(call.key(1), Stream)?.length ?? 0)
  },
})
