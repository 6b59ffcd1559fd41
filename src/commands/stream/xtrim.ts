// XTRIM: removes the oldest entries of a stream.

import { ERR } from '../../protocol/errors.ts'
import { Stream } from '../../store/stream/stream.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { TrimOptions } from './stream-arguments.ts'

const trim = new TrimOptions()

function xtrimRun(call: Call): void {
  trim.begin()
  for (let at = 2; at < call.args.length; at++) {
    at = trim.take(call, at)
    if (at === -1) throw ERR.syntax
  }
  trim.check(call)
  const key = call.key(1)
  const stream = call.db.getForWrite(key, Stream)
  if (stream === undefined) {
    call.reply.integer(0)
    return
  }
  const removed = trim.trim(stream)
  if (removed > 0) {
    call.changed(key, 'xtrim', removed)
    if (trim.approximate) trim.makeExact(call, stream)
  }
  call.reply.integer(removed)
}

export const xtrim = defineCommand({
  name: 'XTRIM',
  summary: 'Removes the oldest entries of a stream.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(N) with N entries removed, but for whole nodes, which go at once.',
  arity: -4,
  flags: ['write'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'delete' }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'trim',
      type: 'block',
      args: [
        {
          name: 'strategy',
          type: 'oneof',
          args: [
            { name: 'maxlen', type: 'pure-token', token: 'MAXLEN' },
            { name: 'minid', type: 'pure-token', token: 'MINID', since: '6.2.0' },
          ],
        },
        {
          name: 'operator',
          type: 'oneof',
          optional: true,
          args: [
            { name: 'equal', type: 'pure-token', token: '=' },
            { name: 'approximately', type: 'pure-token', token: '~' },
          ],
        },
        { name: 'threshold', type: 'string' },
        { name: 'count', type: 'integer', token: 'LIMIT', optional: true, since: '6.2.0' },
      ],
    },
  ],
  tips: ['nondeterministic_output'],
  reply: 'integer: how many entries were removed',
  history: [['6.2.0', 'Takes MINID and LIMIT.']],
  run: xtrimRun,
})
