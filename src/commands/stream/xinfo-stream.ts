// XINFO STREAM: a stream's counters and ends; with FULL its entries, groups and consumers.

import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import { type Stream, writeStreamId } from '../../store/stream/stream.ts'
import type { StreamConsumer, StreamGroup } from '../../store/stream/stream-group.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { IndexCursor } from '../../store/stream/stream-index.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { writeEdge, writeFirst } from './stream-replies.ts'
import { askedStream, writeProgress, xinfoCommon } from './xinfo.ts'

const DEFAULT_COUNT = 10

const id = new StreamId()
const listed = new IndexCursor()
const pending = new IndexCursor()

function xinfoStreamRun(call: Call): void {
  const { args } = call
  const { length } = args
  const stream = askedStream(call)
  if (length === 3) {
    call.reply.map(10)
    writeCounters(call.reply, stream)
    writeEnds(call.reply, stream)
    return
  }
  if ((length !== 4 && length !== 6) || !args.equalsIgnoreCase(3, 'FULL')) throw misspelt(call)
  let count: number | bigint = DEFAULT_COUNT
  if (length === 6) {
    if (!args.equalsIgnoreCase(4, 'COUNT')) throw misspelt(call)
    count = args.integer(5)
    if (count < 0) count = DEFAULT_COUNT
  }
  call.reply.map(9)
  writeCounters(call.reply, stream)
  // 0 is all.
  writeContent(call.reply, stream, count === 0 ? Number.POSITIVE_INFINITY : Number(count))
}

function misspelt(call: Call): ReplyError {
  return ERR.subcommandSyntax(call.args.string(1), 'XINFO')
}

function writeCounters(reply: Reply, stream: Stream): void {
  reply.text('length')
  reply.integer(stream.length)
  reply.text('radix-tree-keys')
  reply.integer(stream.nodes.count)
  reply.text('radix-tree-nodes')
  reply.integer(stream.nodes.countRadixNodes())
  reply.text('last-generated-id')
  writeStreamId(reply, stream.lastId)
  reply.text('max-deleted-entry-id')
  writeStreamId(reply, stream.maxDeletedId)
  reply.text('entries-added')
  reply.integer(stream.entriesAdded)
  reply.text('recorded-first-entry-id')
  writeStreamId(reply, stream.firstId)
}

function writeEnds(reply: Reply, stream: Stream): void {
  reply.text('groups')
  reply.integer(stream.groups.count)
  reply.text('first-entry')
  writeEdge(reply, stream, 'first')
  reply.text('last-entry')
  writeEdge(reply, stream, 'last')
}

function writeContent(reply: Reply, stream: Stream, max: number): void {
  reply.text('entries')
  writeFirst(reply, stream, max)
  reply.text('groups')
  reply.array(stream.groups.count)
  for (const group of stream.groups.sorted()) {
    reply.map(7)
    reply.text('name')
    reply.bulk(group.name)
    reply.text('last-delivered-id')
    writeStreamId(reply, group.lastId)
    writeProgress(reply, stream, group)
    reply.text('pel-count')
    reply.integer(group.pending.count)
    reply.text('pending')
    writePending(reply, group, undefined, max)
    reply.text('consumers')
    reply.array(group.consumers.count)
    for (const consumer of group.consumers.sorted()) {
      reply.map(5)
      reply.text('name')
      reply.bulk(consumer.name)
      reply.text('seen-time')
      reply.integer(consumer.seenTime)
      reply.text('active-time')
      reply.integer(consumer.activeTime)
      reply.text('pel-count')
      reply.integer(consumer.pending.count)
      reply.text('pending')
      writePending(reply, group, consumer, max)
    }
  }
}

/** Replies with pending entries of a group, or of one consumer; then its name is left out. */
function writePending(reply: Reply, group: StreamGroup, consumer: StreamConsumer | undefined, max: number): void {
  const index = consumer?.pending ?? group.pending
  let left = Math.min(max, index.count)
  reply.array(left)
  for (let more = index.first(listed); more && left > 0; more = index.next(listed), left--) {
    group.find(listed.id(id), pending)
    reply.array(consumer === undefined ? 4 : 3)
    writeStreamId(reply, id)
    if (consumer === undefined) reply.bulk(group.ownerOf(pending).name)
    reply.integer(group.deliveryTime(pending))
    reply.integer(group.deliveryCount(pending))
  }
}

export const xinfoStream = defineCommand({
  ...xinfoCommon,
  name: 'XINFO STREAM',
  summary: 'Tells about a stream; with FULL about all that belongs to it.',
  complexity: 'O(N) with N nodes of the stream.',
  arity: -3,
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'full-block',
      type: 'block',
      optional: true,
      args: [
        { name: 'full', type: 'pure-token', token: 'FULL' },
        { name: 'count', type: 'integer', token: 'COUNT', optional: true },
      ],
    },
  ],
  reply: 'map: counters, ids, and the first and last entry; with FULL entries, groups and their consumers',
  history: [
    ['6.0.0', 'Takes FULL.'],
    ['7.0.0', 'Tells max-deleted-entry-id, entries-added, recorded-first-entry-id, entries-read and lag.'],
    ['7.2.0', 'Tells when a consumer was given something last: active-time.'],
  ],
  run: xinfoStreamRun,
})
