// Entries in replies: each is an array of its id and an array of its fields and values.

import type { Reply } from '../../protocol/reply.ts'
import { type Stream, writeStreamId } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { StreamPosition } from '../../store/stream/stream-group.ts'
import { StreamId } from '../../store/stream/stream-id.ts'

const cursor = new EntryCursor()
/** The start of the range that was just counted. */
const here = new StreamPosition()
const MAX_ID = new StreamId().setMax()

/** Replies with the entry at a cursor. */
export function writeEntry(reply: Reply, at: EntryCursor): void {
  reply.array(2)
  writeStreamId(reply, at.id)
  at.writeFields(reply)
}

/** Replies with the entries from `start` to `end`, at most `max`, as an array. */
export function writeRange(reply: Reply, stream: Stream, start: StreamId, end: StreamId, max: number): void {
  if (!stream.seek(start, cursor)) {
    reply.array(0)
    return
  }
  const at = cursor.at
  here.ref = cursor.node.ref
  here.offset = at - cursor.node.start
  here.layout = stream.nodes.layout
  here.from.copyFrom(cursor.id)
  const count = stream.countUpTo(cursor, end, max)
  reply.array(count)
  if (count === 0) return
  stream.seek(here.from, cursor, here)
  writeEntries(reply, stream, cursor, count)
}

/** Replies with `count` entries from a cursor on, and leaves the cursor at the last. */
export function writeEntries(reply: Reply, stream: Stream, at: EntryCursor, count: number): void {
  writeEntry(reply, at)
  for (let left = count - 1; left > 0; left--) {
    stream.next(at)
    writeEntry(reply, at)
  }
}

/** Like writeRange, from the last entry to the first. */
export function writeRangeBackwards(reply: Reply, stream: Stream, start: StreamId, end: StreamId, max: number): void {
  const count = stream.seek(start, cursor) ? stream.countUpTo(cursor, end, max) : 0
  reply.array(count)
  if (count === 0) return
  stream.seekBackwards(end, cursor)
  writeEntry(reply, cursor)
  for (let left = count - 1; left > 0; left--) {
    stream.previous(cursor)
    writeEntry(reply, cursor)
  }
}

/** Replies with the first `max` entries of the stream. */
export function writeFirst(reply: Reply, stream: Stream, max: number): void {
  writeRange(reply, stream, ZERO_ID, MAX_ID, max)
}

const ZERO_ID = new StreamId()

/** Replies with the entry of an id. If there is none, returns false without a reply. */
export function writeEntryOf(reply: Reply, stream: Stream, id: StreamId): boolean {
  if (!stream.find(id, cursor)) return false
  writeEntry(reply, cursor)
  return true
}

/** Tells whether an entry lives. */
export function entryExists(stream: Stream, id: StreamId): boolean {
  return stream.find(id, cursor)
}

/** Replies with the first or the last entry; nil if there is none. */
export function writeEdge(reply: Reply, stream: Stream, end: 'first' | 'last'): void {
  if (end === 'first' ? stream.first(cursor) : stream.last(cursor)) writeEntry(reply, cursor)
  else reply.nil()
}
