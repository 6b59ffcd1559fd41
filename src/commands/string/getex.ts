// GETEX: returns the string under a key, and sets or removes its expiry time.
//
// Journaled as PEXPIREAT, PERSIST or DEL, as its effect was.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { type ExpiryUnit, expiryUnit, readPositiveExpiry } from './string-expiry.ts'

const value = new Bytes()

export const getex = defineCommand({
  name: 'GETEX',
  summary: 'Returns the string under a key and sets or drops its expiry.',
  group: 'string',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: -2,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'expiration',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'seconds', type: 'integer', token: 'EX' },
        { name: 'milliseconds', type: 'integer', token: 'PX' },
        { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT' },
        { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
        { name: 'persist', type: 'pure-token', token: 'PERSIST' },
      ],
    },
  ],
  reply: 'bulk string: the value; nil when the key does not exist',
  run(call) {
    const key = call.key(1)
    const { db } = call
    let unit: ExpiryUnit | 'PERSIST' | undefined
    let timeAt = 0
    const options = call.options(2)
    while (options.next()) {
      const option = options.is('PERSIST') ? 'PERSIST' : expiryUnit(options)
      if (option === undefined || (unit !== undefined && unit !== option)) throw ERR.syntax
      unit = option
      if (option !== 'PERSIST') {
        options.bytes()
        timeAt = options.index
      }
    }
    const entry = db.findForRead(key)
    if (entry === NONE) return call.reply.nil()
    db.strings.read(entry, value)
    const expiry = unit === undefined || unit === 'PERSIST' ? 0 : readPositiveExpiry(call, timeAt, unit)
    call.reply.bulk(value)
    if (unit === undefined) return
    if (unit === 'PERSIST') {
      db.findForWrite(key)
      if (!db.clearExpiry(entry)) return
      call.propagate('PERSIST', key)
      call.changed(key, 'persist')
    } else if (expiry <= call.now() && call.expires) {
      db.deleteEntry(entry)
      call.propagate(call.engine.data.dataset.removalWord('expired'), key)
      call.changed(key, 'del')
    } else {
      db.findForWrite(key)
      db.setExpiry(entry, Number(expiry))
      call.propagate('PEXPIREAT', key, expiry)
      call.changed(key, 'expire')
    }
  },
})
