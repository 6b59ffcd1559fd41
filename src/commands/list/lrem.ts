// LREM: removes elements by value.

import { List } from '../../store/list/list.ts'
import { defineCommand } from '../define-command.ts'
import { elementsRemoved, readIndex } from './list-arguments.ts'

export const lrem = defineCommand({
  name: 'LREM',
  summary: 'Removes elements equal to a value: the first ones, the last ones or all.',
  group: 'list',
  since: '1.0.0',
  complexity: 'O(N) where N is the length of the list.',
  arity: 4,
  flags: ['write'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'delete' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'count', type: 'integer' },
    { name: 'element', type: 'string' },
  ],
  reply: 'integer: how many were removed',
  run(call) {
    const count = readIndex(call, 2)
    const list = call.db.getForWrite(call.key(1), List)
    if (list === undefined) {
      call.reply.integer(0)
      return
    }
    const removed = list.remove(count, call.args.bytes(3))
    if (removed > 0) elementsRemoved(call, call.key(1), list, 'lrem', removed)
    call.reply.integer(removed)
  },
})
