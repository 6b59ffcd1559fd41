// XSETID: sets a stream's last id, the number of entries ever added, and the greatest deleted id.

import { ERR } from '../../protocol/errors.ts'
import { Stream } from '../../store/stream/stream.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { readId } from './stream-arguments.ts'

const id = new StreamId()
const maxDeleted = new StreamId()
const top = new StreamId()

function xsetidRun(call: Call): void {
  readId(call, 2, id)
  maxDeleted.setZero()
  let entriesAdded: number | bigint = -1
  const options = call.options(3)
  while (options.next()) {
    if (options.is('ENTRIESADDED') && options.has(1)) {
      options.bytes()
      entriesAdded = call.args.integer(options.index)
      if (entriesAdded < 0) throw ERR.of('entries_added must be positive')
    } else if (options.is('MAXDELETEDID') && options.has(1)) {
      options.bytes()
      readId(call, options.index, maxDeleted)
      if (id.compare(maxDeleted) < 0) {
        throw ERR.of('The ID specified in XSETID is smaller than the provided max_deleted_entry_id')
      }
    } else throw ERR.syntax
  }
  const key = call.key(1)
  const stream = call.db.getForWrite(key, Stream)
  if (stream === undefined) throw ERR.noSuchKey
  if (id.compare(stream.maxDeletedId) < 0) {
    throw ERR.of('The ID specified in XSETID is smaller than current max_deleted_entry_id')
  }
  if (stream.length > 0) {
    if (id.compare(stream.readLastEntryId(top)) < 0) {
      throw ERR.of('The ID specified in XSETID is smaller than the target stream top item')
    }
    if (entriesAdded !== -1 && stream.length > entriesAdded) {
      throw ERR.of('The entries_added specified in XSETID is smaller than the target stream length')
    }
  }
  stream.lastId.copyFrom(id)
  if (entriesAdded !== -1) stream.entriesAdded = entriesAdded
  if (!maxDeleted.isZero) stream.maxDeletedId.copyFrom(maxDeleted)
  call.reply.ok()
  call.changedWithin(key)
  call.notify(key, 'xsetid')
}

export const xsetid = defineCommand({
  name: 'XSETID',
  summary: 'Sets the last id of a stream and its counters; for replicas and journals.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(1)',
  arity: -3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'last-id', type: 'string' },
    { name: 'entries-added', type: 'integer', token: 'ENTRIESADDED', optional: true, since: '7.0.0' },
    { name: 'max-deleted-id', type: 'string', token: 'MAXDELETEDID', optional: true, since: '7.0.0' },
  ],
  reply: 'OK',
  history: [['7.0.0', 'Takes ENTRIESADDED and MAXDELETEDID.']],
  run: xsetidRun,
})
