// LINSERT: inserts an element before or after another one.

import { ERR } from '../../protocol/errors.ts'
import { List } from '../../store/list/list.ts'
import { defineCommand } from '../define-command.ts'

export const linsert = defineCommand({
  name: 'LINSERT',
  summary: 'Inserts an element before or after the first one equal to a pivot.',
  group: 'list',
  since: '2.2.0',
  complexity: 'O(N) where N is the number of elements before the pivot.',
  arity: 5,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'insert' }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'where',
      type: 'oneof',
      args: [
        { name: 'before', type: 'pure-token', token: 'BEFORE' },
        { name: 'after', type: 'pure-token', token: 'AFTER' },
      ],
    },
    { name: 'pivot', type: 'string' },
    { name: 'element', type: 'string' },
  ],
  reply: 'integer: the length of the list after the insertion, -1 without such a pivot, 0 without a list',
  run(call) {
    const { args } = call
    const before = args.equalsIgnoreCase(2, 'BEFORE')
    if (!before && !args.equalsIgnoreCase(2, 'AFTER')) throw ERR.syntax
    const list = call.db.getForWrite(call.key(1), List)
    if (list === undefined) {
      call.reply.integer(0)
      return
    }
    const element = args.bytes(4)
    list.beforeAdding(element.length, 1)
    if (!list.insert(before ? 'before' : 'after', args.bytes(3), element)) {
      call.reply.integer(-1)
      return
    }
    call.changed(call.key(1), 'linsert')
    call.reply.integer(list.length)
  },
})
