// GETRANGE, SUBSTR: part of a string, by inclusive positions; negative ones count from the end.

import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const value = new Bytes()

function getRange(call: Call): void {
  const first = call.args.integer(2)
  const last = call.args.integer(3)
  if (!call.db.readString(call.key(1), value)) value.length = 0
  const { length } = value
  const start = fromBeginning(first, length)
  const end = Math.min(fromBeginning(last, length), length - 1)
  // If both positions lie before the beginning, in the wrong order, the result is empty. Clamping
  // both to 0 would give one byte.
  const reversed = first < 0 && last < 0 && first > last
  if (start > end || reversed) call.reply.text('')
  else call.reply.bulkFrom(value.source, value.start + start, end - start + 1)
}

/** Turns a position that may count from the end into one from the beginning, at least 0. */
function fromBeginning(position: number | bigint, length: number): number {
  const index = Number(position)
  return Math.max(0, index < 0 ? length + index : index)
}

const common = {
  group: 'string',
  complexity: 'O(n), n being the length of what is returned.',
  arity: 4,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'start', type: 'integer' },
    { name: 'end', type: 'integer' },
  ],
  reply: 'bulk string: the part, empty when there is none',
} as const satisfies Partial<CommandSpec>

export const getrange = defineCommand({
  ...common,
  name: 'GETRANGE',
  summary: 'Returns part of a string, by first and last position.',
  since: '2.4.0',
  run: getRange,
})

export const substr = defineCommand({
  ...common,
  name: 'SUBSTR',
  summary: 'Returns part of a string; the old name of GETRANGE.',
  since: '1.0.0',
  deprecated: { since: '2.0.0', instead: '`GETRANGE`' },
  run: getRange,
})
