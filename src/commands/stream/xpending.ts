// XPENDING: the entries that were delivered to a group and are not acknowledged, as a summary or
// one by one.

import { ERR } from '../../protocol/errors.ts'
import { Stream, writeStreamId } from '../../store/stream/stream.ts'
import type { StreamGroup } from '../../store/stream/stream-group.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { IndexCursor } from '../../store/stream/stream-index.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { readEnd, readEntryCount, readStart } from './stream-arguments.ts'

const start = new StreamId()
const end = new StreamId()
const id = new StreamId()
const listed = new IndexCursor()
const pending = new IndexCursor()

function xpendingRun(call: Call): void {
  const { args } = call
  const summary = args.length === 3
  if (!summary && (args.length < 6 || args.length > 9)) throw ERR.syntax
  let first = 3
  let minIdle: number | bigint = 0
  let count = 0
  if (!summary) {
    if (args.equalsIgnoreCase(3, 'IDLE')) {
      minIdle = args.integer(4)
      if (args.length < 8) throw ERR.syntax
      first = 5
    }
    count = readEntryCount(call, first + 2)
    readStart(call, first, start)
    readEnd(call, first + 1, end)
  }
  const group = call.db.getForRead(call.key(1), Stream)?.groups.get(args.bytes(2))
  if (group === undefined) throw ERR.noGroup(args.string(1), args.string(2))
  if (summary) writeSummary(call, group)
  else writePending(call, group, first + 3 < args.length ? first + 3 : 0, minIdle, count)
}

function writeSummary({ reply }: Call, group: StreamGroup): void {
  reply.array(4)
  reply.integer(group.pending.count)
  if (group.pending.count === 0) {
    reply.nil()
    reply.nil()
    reply.nilArray()
    return
  }
  group.pending.first(listed)
  writeStreamId(reply, listed.id(id))
  group.pending.last(listed)
  writeStreamId(reply, listed.id(id))
  const owners = group.consumers.sorted().filter((consumer) => consumer.pending.count > 0)
  reply.array(owners.length)
  for (const owner of owners) {
    reply.array(2)
    reply.bulk(owner.name)
    reply.text(String(owner.pending.count))
  }
}

/**
 * Replies with up to `max` pending entries of the range. If argument index `consumerAt` is not 0,
 * only that consumer's entries count.
 */
function writePending(call: Call, group: StreamGroup, consumerAt: number, minIdle: number | bigint, max: number): void {
  const consumer = consumerAt === 0 ? undefined : group.consumers.get(call.args.bytes(consumerAt))
  if (consumerAt !== 0 && consumer === undefined) {
    call.reply.array(0)
    return
  }
  const index = consumer?.pending ?? group.pending
  const now = call.now()
  // The range is walked twice, because the number of entries comes first.
  for (let pass = 0, count = 0; pass < 2; pass++) {
    if (pass === 1) call.reply.array(count)
    let left = pass === 0 ? max : count
    for (let more = left > 0 && index.seekAtLeast(start, listed); more && left > 0; more = index.next(listed)) {
      listed.id(id)
      if (id.compare(end) > 0) break
      if (!group.find(id, pending)) continue
      const idle = now - group.deliveryTime(pending)
      if (minIdle !== 0 && idle < minIdle) continue
      left--
      if (pass === 0) {
        count++
        continue
      }
      call.reply.array(4)
      writeStreamId(call.reply, id)
      call.reply.bulk(group.ownerOf(pending).name)
      call.reply.integer(Math.max(0, idle))
      call.reply.integer(group.deliveryCount(pending))
    }
  }
}

export const xpending = defineCommand({
  name: 'XPENDING',
  summary: 'Tells what was delivered to a group and not acknowledged.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(N) with N entries looked at; in sum O(N) with N consumers.',
  arity: -3,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'group', type: 'string' },
    {
      name: 'filters',
      type: 'block',
      optional: true,
      args: [
        { name: 'min-idle-time', type: 'integer', token: 'IDLE', optional: true, since: '6.2.0' },
        { name: 'start', type: 'string' },
        { name: 'end', type: 'string' },
        { name: 'count', type: 'integer' },
        { name: 'consumer', type: 'string', optional: true },
      ],
    },
  ],
  tips: ['nondeterministic_output'],
  reply:
    'array: how many, the first and last id, and the consumers with how many each; or for each entry its id, its consumer, milliseconds since its delivery, and how often it was delivered',
  history: [['6.2.0', 'Takes IDLE, and ids that do not belong to the range.']],
  run: xpendingRun,
})
