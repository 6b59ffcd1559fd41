// XGROUP CREATE: adds a consumer group to a stream.

import { ERR } from '../../protocol/errors.ts'
import { Stream } from '../../store/stream/stream.ts'
import { READ_UNKNOWN } from '../../store/stream/stream-group.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { DOLLAR, isSymbol, readEntriesRead, readId } from './stream-arguments.ts'
import { streamOf, xgroupCommon } from './xgroup.ts'

const id = new StreamId()

function xgroupCreateRun(call: Call): void {
  const { args } = call
  let create = false
  let entriesRead: number | bigint = READ_UNKNOWN
  const options = call.options(5)
  while (options.next()) {
    if (options.is('MKSTREAM')) create = true
    else if (options.is('ENTRIESREAD') && options.has(1)) {
      options.bytes()
      entriesRead = readEntriesRead(call, options.index)
    } else throw ERR.subcommandSyntax(args.string(1), 'XGROUP')
  }
  const key = call.key(2)
  const existing = create ? call.db.getForWrite(key, Stream) : streamOf(call)
  // Each option may come once, so a longer request is an error.
  if (args.length > 8) throw ERR.subcommandSyntax(args.string(1), 'XGROUP')
  if (!isSymbol(call, 4, DOLLAR)) readId(call, 4, id)
  else if (existing === undefined) id.setZero()
  else id.copyFrom(existing.lastId)
  if (existing?.groups.get(args.bytes(3)) !== undefined) throw ERR.groupExists

  const stream = existing ?? call.db.create(key, new Stream(call.db.arena))
  stream.addGroup(args.bytes(3), id, entriesRead)
  call.reply.ok()
  if (existing === undefined) {
    call.changed(key, 'xgroup-create')
  } else {
    call.changedWithin(key)
    call.notify(key, 'xgroup-create')
  }
  // `$` would be another id when it is replayed on a rewritten stream.
  call.propagate(
    'XGROUP',
    'CREATE',
    key,
    args.bytes(3),
    id.toString(),
    ...(create ? ['MKSTREAM'] : []),
    ...(entriesRead === READ_UNKNOWN ? [] : ['ENTRIESREAD', entriesRead]),
  )
}

export const xgroupCreate = defineCommand({
  ...xgroupCommon,
  name: 'XGROUP CREATE',
  summary: 'Adds a consumer group to a stream.',
  since: '5.0.0',
  arity: -5,
  flags: ['write', 'denyoom'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RW', use: 'insert' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'group', type: 'string' },
    {
      name: 'id-selector',
      type: 'oneof',
      args: [
        { name: 'id', type: 'string' },
        { name: 'new-id', type: 'pure-token', token: '$' },
      ],
    },
    { name: 'mkstream', type: 'pure-token', token: 'MKSTREAM', optional: true },
    { name: 'entries-read', type: 'integer', token: 'ENTRIESREAD', optional: true },
  ],
  reply: 'OK',
  history: [['7.0.0', 'Takes ENTRIESREAD.']],
  run: xgroupCreateRun,
})
