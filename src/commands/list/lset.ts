// LSET: replaces an element.

import { ERR } from '../../protocol/errors.ts'
import { List } from '../../store/list/list.ts'
import { defineCommand } from '../define-command.ts'

export const lset = defineCommand({
  name: 'LSET',
  summary: 'Replaces an element of a list by its index.',
  group: 'list',
  since: '1.0.0',
  complexity: 'O(N) where N is the distance to the nearer end, counted in pages of the list; O(1) for both ends.',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'index', type: 'integer' },
    { name: 'element', type: 'string' },
  ],
  reply: 'status: OK',
  run(call) {
    const list = call.db.getForWrite(call.key(1), List)
    if (list === undefined) throw ERR.noSuchKey
    // Redis 7.2 keeps 32 bits of the index: LSET list 4294967296 x replaces the first element.
    const given = call.args.integer(2)
    let index = typeof given === 'number' ? given | 0 : Number(BigInt.asIntN(32, given))
    if (index < 0) index += list.length
    const element = call.args.bytes(3)
    // Even an index out of range may change the encoding, because Redis makes room before it checks
    // the index.
    list.beforeAdding(element.length, 1)
    if (index < 0 || index >= list.length) throw ERR.indexOutOfRange
    list.set(index, element)
    list.afterRemoving()
    call.changed(call.key(1), 'lset')
    call.reply.ok()
  },
})
