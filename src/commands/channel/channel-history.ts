// CHANNEL HISTORY: kept messages, by their ids.
//
// With REV, too, the range is written from its beginning to its end, unlike the range of XREVRANGE:
// `- + COUNT 10 REV` returns the last ten.

import { ID_FIELD } from '../../channels/log/xadd-encoder.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { readEnd, readEntryCount, readStart } from '../stream/stream-arguments.ts'
import { channelCommon, channelsIn, SHARD_ARG } from './channel.ts'

const start = new StreamId()
const end = new StreamId()
const cursor = new EntryCursor()
const field = new Bytes()
const message = new Bytes()
const scheduledId = new Bytes()

function channelHistoryRun(call: Call): void {
  readStart(call, 3, start)
  readEnd(call, 4, end)
  let max = Number.POSITIVE_INFINITY
  let backwards = false
  let kind: 'channel' | 'shard' = 'channel'
  const options = call.options(5)
  while (options.next()) {
    if (options.is('COUNT')) {
      options.bytes()
      max = readEntryCount(call, options.index)
    } else if (options.is('REV')) {
      backwards = true
    } else if (options.is('SHARD')) {
      kind = 'shard'
    } else {
      throw ERR.syntax
    }
  }
  const stream = channelsIn(call).namedSubscribers.messagesOf(call.args.string(2), kind)
  const count = stream?.seek(start, cursor) === true ? stream.countUpTo(cursor, end, max) : 0
  call.reply.array(count)
  if (count > 0) writeMessages(call, stream!, count, backwards)
}

function writeMessages({ reply }: Call, stream: Stream, count: number, backwards: boolean): void {
  if (backwards) stream.seekBackwards(end, cursor)
  else stream.seek(start, cursor)
  for (let left = count; left > 0; left--) {
    cursor.beginFields()
    cursor.nextField(field, message)
    let isScheduled = cursor.fields > 1
    if (isScheduled) {
      cursor.nextField(field, scheduledId)
      isScheduled = field.equals(ID_FIELD)
    }
    reply.array(isScheduled ? 3 : 2)
    reply.text(cursor.id.toString())
    reply.bulk(message)
    if (isScheduled) reply.bulk(scheduledId)
    if (left === 1) break
    if (backwards) stream.previous(cursor)
    else stream.next(cursor)
  }
}

export const channelHistory = defineCommand({
  ...channelCommon,
  name: 'CHANNEL HISTORY',
  summary: 'Returns the kept messages of a channel whose ids lie in a range.',
  complexity: 'O(N) with N messages returned.',
  arity: -5,
  flags: ['readonly', 'pubsub'],
  channels: { first: 2, last: 2, are: 'names' },
  args: [
    { name: 'channel', type: 'string' },
    { name: 'from', type: 'string' },
    { name: 'to', type: 'string' },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
    { name: 'rev', type: 'pure-token', token: 'REV', optional: true },
    SHARD_ARG,
  ],
  reply: 'array: the messages, each an array of its id and its text, and the id under which it was scheduled if it was',
  run: channelHistoryRun,
})
