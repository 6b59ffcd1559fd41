// SET: stores a string under a key, whatever the key held.
//
// Without options, the usual case, it is one write and one reply. With an expiry it is journaled as
// SET … PXAT, because the journal is replayed later.

import type { Arguments } from '../../protocol/arguments.ts'
import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { type ExpiryUnit, expiryUnit, readPositiveExpiry } from './string-expiry.ts'

const old = new Bytes()

function setWithOptions(call: Call): void {
  const key = call.key(1)
  const value = call.args.bytes(2)
  const { db, reply } = call
  let onlyIf: 'missing' | 'existing' | undefined
  let returnsOld = false
  let keepsExpiry = false
  let unit: ExpiryUnit | undefined
  let timeAt = 0
  const options = call.options(3)
  while (options.next()) {
    if (options.is('NX') && onlyIf !== 'existing') {
      onlyIf = 'missing'
    } else if (options.is('XX') && onlyIf !== 'missing') {
      onlyIf = 'existing'
    } else if (options.is('GET')) {
      returnsOld = true
    } else if (options.is('KEEPTTL') && unit === undefined) {
      keepsExpiry = true
    } else {
      const named = expiryUnit(options)
      if (named === undefined || keepsExpiry || (unit !== undefined && unit !== named)) throw ERR.syntax
      options.bytes()
      unit = named
      timeAt = options.index
    }
  }
  const expiry = unit === undefined ? undefined : readPositiveExpiry(call, timeAt, unit)

  if (returnsOld) {
    const entry = db.findForRead(key)
    if (entry === NONE) reply.nil()
    else reply.bulk(db.strings.read(entry, old))
  }
  if (onlyIf !== undefined) {
    // A value that is going to be replaced passes the gate later, with the whole key.
    const entry = onlyIf === 'existing' ? db.find(key) : db.findForWrite(key)
    if ((entry === NONE) !== (onlyIf === 'missing')) {
      if (!returnsOld) reply.nil()
      return
    }
  }
  const entry = db.writeString(key, value, keepsExpiry || expiry !== undefined, call.args.owns(2))
  if (expiry !== undefined) {
    db.setExpiry(entry, Number(expiry))
    call.propagate('SET', key, value, 'PXAT', expiry)
  } else if (returnsOld || onlyIf !== undefined) {
    if (keepsExpiry) call.propagate('SET', key, value, 'KEEPTTL')
    else call.propagate('SET', key, value)
  }
  call.changed(key, 'set')
  if (expiry !== undefined) call.notify(key, 'expire')
  if (!returnsOld) reply.ok()
}

export const set = defineCommand({
  name: 'SET',
  summary: 'Sets a key to a string, with conditions and an expiry if wanted.',
  group: 'string',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'], flags: ['variable_flags'], flagsOf }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'value', type: 'string' },
    {
      name: 'condition',
      type: 'oneof',
      since: '2.6.12',
      optional: true,
      args: [
        { name: 'nx', type: 'pure-token', token: 'NX' },
        { name: 'xx', type: 'pure-token', token: 'XX' },
      ],
    },
    { name: 'get', type: 'pure-token', token: 'GET', optional: true, since: '6.2.0' },
    {
      name: 'expiration',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'seconds', type: 'integer', token: 'EX', since: '2.6.12' },
        { name: 'milliseconds', type: 'integer', token: 'PX', since: '2.6.12' },
        { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT', since: '6.2.0' },
        { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT', since: '6.2.0' },
        { name: 'keepttl', type: 'pure-token', token: 'KEEPTTL', since: '6.0.0' },
      ],
    },
  ],
  reply: 'OK; nil when the condition did not hold; with GET the old value or nil',
  history: [
    ['2.6.12', 'The options EX, PX, NX and XX.'],
    ['6.0.0', 'The option KEEPTTL.'],
    ['6.2.0', 'The options GET, EXAT and PXAT.'],
    ['7.0.0', 'NX and GET may be used together.'],
  ],
  run(call) {
    if (call.args.length > 3) return setWithOptions(call)
    call.db.writeString(call.key(1), call.args.bytes(2), false, call.args.owns(2))
    call.changed(call.key(1), 'set')
    call.reply.ok()
  },
})

const READS_AND_WRITES = ['RW', 'access', 'update'] as const
const WRITES = ['OW', 'update'] as const

/** The flags of a SET call. With GET it also reads. */
function flagsOf(args: Arguments, from: number): readonly string[] {
  for (let i = from + 3; i < args.length; i++) if (args.equalsIgnoreCase(i, 'GET')) return READS_AND_WRITES
  return WRITES
}
