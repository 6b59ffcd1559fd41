// XDEL: removes entries of a stream. A stream without entries still exists.

import { Stream } from '../../store/stream/stream.ts'
import { itemAt } from '../../util/array-reads.ts'
import { defineCommand } from '../define-command.ts'
import { readIds } from './stream-arguments.ts'

export const xdel = defineCommand({
  name: 'XDEL',
  summary: 'Removes entries of a stream.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(1) for each entry, however long the stream is.',
  arity: -3,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'delete' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'id', type: 'string', multiple: true },
  ],
  reply: 'integer: how many entries were removed',
  run(call) {
    const key = call.key(1)
    const stream = call.db.getForWrite(key, Stream)
    if (stream === undefined) return call.reply.integer(0)
    const ids = readIds(call, 2)
    let removed = 0
    for (let i = 0; i < call.args.length - 2; i++) if (stream.delete(itemAt(ids, i))) removed++
    if (removed > 0) call.changed(key, 'xdel', removed)
    call.reply.integer(removed)
  },
})
