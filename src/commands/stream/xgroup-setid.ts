// XGROUP SETID: moves a group to another position in its stream.

import { ERR } from '../../protocol/errors.ts'
import { READ_UNKNOWN } from '../../store/stream/stream-group.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { DOLLAR, isSymbol, readAnyId, readEntriesRead } from './stream-arguments.ts'
import { groupOf, streamOf, xgroupCommon } from './xgroup.ts'

const id = new StreamId()

function xgroupSetIdRun(call: Call): void {
  const { args } = call
  let entriesRead: number | bigint = READ_UNKNOWN
  const options = call.options(5)
  while (options.next()) {
    if (!options.is('ENTRIESREAD') || !options.has(1)) throw ERR.subcommandSyntax(args.string(1), 'XGROUP')
    options.bytes()
    entriesRead = readEntriesRead(call, options.index)
  }
  const stream = streamOf(call)
  const group = groupOf(call, stream)
  if (args.length > 7) throw ERR.subcommandSyntax(args.string(1), 'XGROUP')
  const key = call.key(2)
  if (isSymbol(call, 4, DOLLAR)) id.copyFrom(stream.lastId)
  else readAnyId(call, 4, id)
  group.lastId.copyFrom(id)
  group.entriesRead = entriesRead
  call.reply.ok()
  call.changedWithin(key)
  call.notify(key, 'xgroup-setid')
}

export const xgroupSetId = defineCommand({
  ...xgroupCommon,
  name: 'XGROUP SETID',
  summary: 'Has a group read on behind another id.',
  since: '5.0.0',
  arity: -5,
  flags: ['write'],
  keys: [{ first: 2, last: 2, step: 1, access: 'RW', use: 'update' }],
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
    { name: 'entriesread', shown: 'entries-read', type: 'integer', token: 'ENTRIESREAD', optional: true },
  ],
  reply: 'OK',
  history: [['7.0.0', 'Takes ENTRIESREAD.']],
  run: xgroupSetIdRun,
})
