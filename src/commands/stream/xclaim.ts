// XCLAIM: gives pending entries to another consumer.
//
// Each entry is journaled by itself with its new time, count and owner, as XCLAIM with FORCE. This
// form creates the pending entry if there is none.

import { ERR, printable } from '../../protocol/errors.ts'
import { type Stream, writeStreamId } from '../../store/stream/stream.ts'
import type { StreamConsumer, StreamGroup } from '../../store/stream/stream-group.ts'
import { ID_INVALID, parseStreamId, StreamId } from '../../store/stream/stream-id.ts'
import { IndexCursor } from '../../store/stream/stream-index.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { consumerOf, groupOfStream, readId, readInteger, streamOfGroups } from './stream-arguments.ts'
import { entryExists, writeEntryOf } from './stream-replies.ts'

const lastId = new StreamId()
const id = new StreamId()
const pending = new IndexCursor()

/** The new state of a claimed entry. */
class ClaimOptions {
  minIdle = 0
  /** -1 = the time of the command. */
  deliveryTime: number | bigint = -1
  /** -1 = one more than before. */
  retryCount: number | bigint = -1
  force = false
  justId = false
}

const options = new ClaimOptions()

function xclaimRun(call: Call): void {
  const { args } = call
  const key = call.key(1)
  const stream = streamOfGroups(call, key)
  const group = groupOfStream(call, stream)
  if (stream === undefined) return
  const minIdle = readInteger(call, 4, 'Invalid min-idle-time argument for XCLAIM')
  options.minIdle = minIdle < 0 ? 0 : Number(minIdle)
  let idsEnd = 5
  while (idsEnd < args.length && parseStreamId(args.bytes(idsEnd), id) !== ID_INVALID) idsEnd++
  readOptions(call, idsEnd)

  let advanced = lastId.compare(group.lastId) > 0
  if (advanced) {
    group.lastId.copyFrom(lastId)
    call.changedWithin(key)
  }
  const consumer = consumerOf(call, key, group, args.bytes(3))
  // The claimed entries must be known before the reply begins.
  let claimed = 0
  for (let i = 5; i < idsEnd; i++) {
    readId(call, i, id)
    const known = group.find(id, pending)
    if (!entryExists(stream, id)) {
      // The entry was deleted from the stream, so it is no longer pending.
      if (known) {
        propagateClaim(call, key, group, id, pending)
        group.remove(pending)
        call.changedWithin(key)
        advanced = false
      }
      marks[i] = 0
      continue
    }
    marks[i] = claim(call, group, consumer, known) ? 1 : 0
    if (marks[i] === 0) continue
    claimed++
    advanced = false
    propagateClaim(call, key, group, id, pending)
    call.changedWithin(key)
  }
  if (advanced) {
    call.propagate('XGROUP', 'SETID', key, group.name, group.lastId.toString(), 'ENTRIESREAD', group.entriesRead)
  }
  writeReply(call, stream, idsEnd, claimed)
  if (call.changes > 0) call.propagateNothing()
}

/** Index of an argument → 1 if its id was claimed. */
const marks: number[] = []

/**
 * Gives the entry of `id` to the consumer if it waited long enough. Then the cursor is at the
 * entry.
 */
function claim(call: Call, group: StreamGroup, consumer: StreamConsumer, known: boolean): boolean {
  if (!known && !options.force) return false
  const now = call.now()
  if (known && options.minIdle > 0 && now - group.deliveryTime(pending) < options.minIdle) return false
  group.own(id, consumer, pending)
  group.setDeliveryTime(pending, Number(options.deliveryTime))
  if (options.retryCount !== -1) group.setDeliveryCount(pending, options.retryCount)
  else if (!options.justId) group.countDelivery(pending)
  consumer.activeTime = now
  return true
}

function readOptions(call: Call, first: number): void {
  const { args } = call
  const now = call.now()
  options.deliveryTime = -1
  options.retryCount = -1
  options.force = false
  options.justId = false
  lastId.setZero()
  for (let i = first; i < args.length; i++) {
    const more = i < args.length - 1
    if (args.equalsIgnoreCase(i, 'FORCE')) {
      options.force = true
    } else if (args.equalsIgnoreCase(i, 'JUSTID')) {
      options.justId = true
    } else if (more && args.equalsIgnoreCase(i, 'IDLE')) {
      const idle = readInteger(call, ++i, 'Invalid IDLE option argument for XCLAIM')
      options.deliveryTime = now - Number(idle)
    } else if (more && args.equalsIgnoreCase(i, 'TIME')) {
      options.deliveryTime = readInteger(call, ++i, 'Invalid TIME option argument for XCLAIM')
    } else if (more && args.equalsIgnoreCase(i, 'RETRYCOUNT')) {
      options.retryCount = readInteger(call, ++i, 'Invalid RETRYCOUNT option argument for XCLAIM')
    } else if (more && args.equalsIgnoreCase(i, 'LASTID')) {
      readId(call, ++i, lastId)
    } else {
      throw ERR.of(`Unrecognized XCLAIM option '${printable(args.string(i), Number.POSITIVE_INFINITY)}'`)
    }
  }
  if (options.retryCount < 0) options.retryCount = -1
  // An impossible time counts as now: the clocks of clients differ from ours. A replayed time was
  // valid once (invariant 4).
  if (options.deliveryTime < 0 || (options.deliveryTime > now && !call.client.isObeyed)) options.deliveryTime = now
}

function writeReply(call: Call, stream: Stream, idsEnd: number, claimed: number): void {
  const { reply } = call
  reply.array(claimed)
  for (let i = 5; i < idsEnd && claimed > 0; i++) {
    if (marks[i] === 0) continue
    claimed--
    readId(call, i, id)
    if (options.justId) writeStreamId(reply, id)
    else writeEntryOf(reply, stream, id)
  }
}

/** Propagates the state of the pending entry at a cursor. */
export function propagateClaim(call: Call, key: Bytes, group: StreamGroup, id: StreamId, at: IndexCursor): void {
  if (!call.propagates) return
  call.propagate(
    'XCLAIM',
    key,
    group.name,
    group.ownerOf(at).name,
    0,
    id.toString(),
    'TIME',
    group.deliveryTime(at),
    'RETRYCOUNT',
    group.deliveryCount(at),
    'FORCE',
    'JUSTID',
    'LASTID',
    group.lastId.toString(),
  )
}

export const xclaim = defineCommand({
  name: 'XCLAIM',
  summary: 'Makes pending entries of a group those of another consumer.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(log N) for each id, with N pending entries of the group.',
  arity: -6,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'group', type: 'string' },
    { name: 'consumer', type: 'string' },
    { name: 'min-idle-time', type: 'string' },
    { name: 'id', type: 'string', multiple: true },
    { name: 'ms', type: 'integer', token: 'IDLE', optional: true },
    { name: 'unix-time-milliseconds', type: 'unix-time', token: 'TIME', optional: true },
    { name: 'count', type: 'integer', token: 'RETRYCOUNT', optional: true },
    { name: 'force', type: 'pure-token', token: 'FORCE', optional: true },
    { name: 'justid', type: 'pure-token', token: 'JUSTID', optional: true },
    { name: 'lastid', type: 'string', token: 'LASTID', optional: true },
  ],
  tips: ['nondeterministic_output'],
  reply: 'array: the entries claimed; with JUSTID their ids',
  run: xclaimRun,
})
