// DUMP: a value as bytes that RESTORE takes, here or in another server
// (persistence/rdb/payload.ts).

import { payloadWriter } from '../../persistence/rdb/payload.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'

export const dump = defineCommand({
  name: 'DUMP',
  summary: 'Gives the value of a key as bytes that RESTORE understands.',
  group: 'generic',
  since: '2.6.0',
  complexity: 'O(N) with N bytes of the value',
  acl: ['keyspace'],
  arity: 2,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key' }],
  tips: ['nondeterministic_output'],
  reply: 'bulk string: the value in the format of RDB files, version and checksum behind it; nil when there is none',
  run(call) {
    const entry = call.db.findForRead(call.key(1))
    if (entry === NONE) return call.reply.nil()
    const payload = payloadWriter.write(call.db, entry, call.engine.config.get('rdbcompression'))
    call.reply.bulk(payload)
    payloadWriter.release()
  },
})
