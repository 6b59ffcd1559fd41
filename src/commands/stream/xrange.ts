// XRANGE, XREVRANGE: the entries whose ids lie in a range.

import { ERR } from '../../protocol/errors.ts'
import { Stream } from '../../store/stream/stream.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { readEnd, readEntryCount, readStart } from './stream-arguments.ts'
import { writeRange, writeRangeBackwards } from './stream-replies.ts'

const start = new StreamId()
const end = new StreamId()

function range(call: Call, order: 'forwards' | 'backwards'): void {
  const backwards = order === 'backwards'
  readStart(call, backwards ? 3 : 2, start)
  readEnd(call, backwards ? 2 : 3, end)
  let max = Number.POSITIVE_INFINITY
  const options = call.options(4)
  while (options.next()) {
    if (!options.is('COUNT') || !options.has(1)) throw ERR.syntax
    options.bytes()
    max = readEntryCount(call, options.index)
  }
  const stream = call.db.getForRead(call.key(1), Stream)
  if (stream === undefined) call.reply.array(0)
  else if (max === 0) call.reply.nilArray()
  else if (backwards) writeRangeBackwards(call.reply, stream, start, end, max)
  else writeRange(call.reply, stream, start, end, max)
}

const common = {
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(N) with N entries returned.',
  arity: -4,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  reply: 'array: the entries, each an array of its id and an array of fields and values',
  history: [['6.2.0', 'Takes ids that do not belong to the range: `(<id>`.']],
} as const satisfies Partial<CommandSpec>

export const xrange = defineCommand({
  ...common,
  name: 'XRANGE',
  summary: 'Returns the entries whose ids lie in a range.',
  args: [
    { name: 'key', type: 'key' },
    { name: 'start', type: 'string' },
    { name: 'end', type: 'string' },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
  ],
  run: (call) => range(call, 'forwards'),
})

export const xrevrange = defineCommand({
  ...common,
  name: 'XREVRANGE',
  summary: 'Returns the entries whose ids lie in a range, the last first.',
  args: [
    { name: 'key', type: 'key' },
    { name: 'end', type: 'string' },
    { name: 'start', type: 'string' },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
  ],
  run: (call) => range(call, 'backwards'),
})
