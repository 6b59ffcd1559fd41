// XAUTOCLAIM: gives pending entries that waited too long to another consumer, a few at a time.

import { ERR } from '../../protocol/errors.ts'
import { Stream, writeStreamId } from '../../store/stream/stream.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { IndexCursor } from '../../store/stream/stream-index.ts'
import { itemAt } from '../../util/array-reads.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { consumerOf, groupOfStream, readInteger, readStart } from './stream-arguments.ts'
import { entryExists, writeEntryOf } from './stream-replies.ts'
import { propagateClaim } from './xclaim.ts'

const DEFAULT_COUNT = 100
/** Pending entries visited for each entry that may be claimed. */
const ATTEMPTS = 10
/** 2^63 / 16: Redis reserves 16 bytes for each. */
const COUNT_MAX = 576460752303423487n

const id = new StreamId()
const pending = new IndexCursor()
/** The claimed entries, and those found deleted; valid as far as they are filled. */
const claimed: StreamId[] = []
const deleted: StreamId[] = []

function xautoclaimRun(call: Call): void {
  const key = call.key(1)
  // Redis looks up the stream first, as its counters and `keymiss` show, but reports a wrong type
  // or a missing group only later.
  call.db.peek(key)
  const minIdle = readInteger(call, 4, 'Invalid min-idle-time argument for XAUTOCLAIM')
  readStart(call, 5, id)
  let count = DEFAULT_COUNT
  let justId = false
  const options = call.options(6)
  while (options.next()) {
    if (options.is('COUNT') && options.has(1)) {
      const value = parseInteger(options.bytes())
      if (value === undefined || value < 1 || value > COUNT_MAX) throw ERR.of('COUNT must be > 0')
      count = Number(value)
    } else if (options.is('JUSTID')) justId = true
    else throw ERR.syntax
  }
  const stream = call.db.getForWrite(key, Stream)
  const group = groupOfStream(call, stream)
  if (stream === undefined) return
  const consumer = consumerOf(call, key, group, call.args.bytes(3))
  const now = call.now()
  let claims = 0
  let deletions = 0
  let attempts = count * ATTEMPTS
  let more = group.pending.seekAtLeast(id, pending)
  while (more && attempts-- > 0 && claims + deletions < count) {
    pending.id(id)
    if (!entryExists(stream, id)) {
      propagateClaim(call, key, group, id, pending)
      call.changedWithin(key)
      keep(deleted, deletions++)
      more = group.remove(pending)
      continue
    }
    if (minIdle <= 0 || now - group.deliveryTime(pending) >= minIdle) {
      group.own(id, consumer, pending)
      group.setDeliveryTime(pending, now)
      if (!justId) group.countDelivery(pending)
      consumer.activeTime = now
      propagateClaim(call, key, group, id, pending)
      call.changedWithin(key)
      keep(claimed, claims++)
    }
    more = group.pending.next(pending)
  }
  if (more) pending.id(id)
  else id.setZero()
  if (call.changes > 0) call.propagateNothing()
  writeReply(call, stream, justId, claims, deletions)
}

function keep(list: StreamId[], i: number): void {
  if (i === list.length) list.push(new StreamId())
  itemAt(list, i).copyFrom(id)
}

function writeReply({ reply }: Call, stream: Stream, justId: boolean, claims: number, deletions: number): void {
  reply.array(3)
  writeStreamId(reply, id)
  reply.array(claims)
  for (let i = 0; i < claims; i++) {
    if (justId) writeStreamId(reply, itemAt(claimed, i))
    else writeEntryOf(reply, stream, itemAt(claimed, i))
  }
  reply.array(deletions)
  for (let i = 0; i < deletions; i++) writeStreamId(reply, itemAt(deleted, i))
}

export const xautoclaim = defineCommand({
  name: 'XAUTOCLAIM',
  summary: 'Makes pending entries that waited too long those of another consumer.',
  group: 'stream',
  since: '6.2.0',
  complexity: 'O(1) if COUNT is small.',
  arity: -6,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'delete' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'group', type: 'string' },
    { name: 'consumer', type: 'string' },
    { name: 'min-idle-time', type: 'string' },
    { name: 'start', type: 'string' },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
    { name: 'justid', type: 'pure-token', token: 'JUSTID', optional: true },
  ],
  tips: ['nondeterministic_output'],
  reply: 'array: the id to go on from, the entries claimed (with JUSTID their ids), ids that were pending and deleted',
  history: [['7.0.0', 'Replies with the deleted ids, too.']],
  run: xautoclaimRun,
})
