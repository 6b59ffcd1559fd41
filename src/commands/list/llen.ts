// LLEN: the length of a list.

import { List } from '../../store/list/list.ts'
import { defineCommand } from '../define-command.ts'

export const llen = defineCommand({
  name: 'LLEN',
  summary: 'Returns the length of a list.',
  group: 'list',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'integer: the number of elements, 0 when there is no list',
  run(call) {
    call.reply.integer(call.db.getForRead(call.key(1), List)?.length ?? 0)
  },
})
