// LRANGE: a range of a list.

import { List } from '../../store/list/list.ts'
import { defineCommand } from '../define-command.ts'
import { readIndex } from './list-arguments.ts'

export const lrange = defineCommand({
  name: 'LRANGE',
  summary: 'Returns the elements of a list between two indices.',
  group: 'list',
  since: '1.0.0',
  complexity:
    'O(S+N) where S is the distance of the start from the nearer end, counted in pages of the list, and N the number of elements returned.',
  arity: 4,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'start', type: 'integer' },
    { name: 'stop', type: 'integer' },
  ],
  reply: 'array: the elements, empty when there are none',
  run(call) {
    let start = readIndex(call, 2)
    let stop = readIndex(call, 3)
    const list = call.db.getForRead(call.key(1), List)
    if (list === undefined) {
      call.reply.array(0)
      return
    }
    const { length } = list
    if (start < 0) start = Math.max(0, start + length)
    if (stop < 0) stop += length
    const count = Math.max(0, Math.min(stop, length - 1) - start + 1)
    call.reply.array(count)
    list.writeRange(call.reply, start, count)
  },
})
