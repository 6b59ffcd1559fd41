// LINDEX: one element of a list.

import { List } from '../../store/list/list.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { readIndex } from './list-arguments.ts'

const element = new Bytes()

export const lindex = defineCommand({
  name: 'LINDEX',
  summary: 'Returns an element of a list by its index.',
  group: 'list',
  since: '1.0.0',
  complexity: 'O(N) where N is the distance to the nearer end, counted in pages of the list; O(1) for both ends.',
  arity: 3,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'index', type: 'integer' },
  ],
  reply: 'bulk string: the element; nil when there is none',
  run(call) {
    // A missing key is answered before the index is read: LINDEX none x is nil.
    const list = call.db.getForRead(call.key(1), List)
    if (list === undefined) {
      call.reply.nil()
      return
    }
    let index = readIndex(call, 2)
    if (index < 0) index += list.length
    if (index >= 0 && list.at(index, element)) call.reply.bulk(element)
    else call.reply.nil()
  },
})
