// LTRIM: keeps a range of a list.

import { List } from '../../store/list/list.ts'
import { defineCommand } from '../define-command.ts'
import { elementsRemoved, readIndex } from './list-arguments.ts'

export const ltrim = defineCommand({
  name: 'LTRIM',
  summary: 'Removes all elements of a list that are not between two indices.',
  group: 'list',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of pages removed.',
  arity: 4,
  flags: ['write'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'delete' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'start', type: 'integer' },
    { name: 'stop', type: 'integer' },
  ],
  reply: 'status: OK',
  run(call) {
    let start = readIndex(call, 2)
    let stop = readIndex(call, 3)
    const list = call.db.getForWrite(call.key(1), List)
    if (list !== undefined) {
      const { length } = list
      if (start < 0) start = Math.max(0, start + length)
      if (stop < 0) stop += length
      const count = Math.max(0, Math.min(stop, length - 1) - start + 1)
      list.trim(count === 0 ? 0 : start, count)
      // The event is sent even if nothing was removed; the journal gets the command only if
      // something was.
      elementsRemoved(call, call.key(1), list, 'ltrim', length - count)
    }
    call.reply.ok()
  },
})
