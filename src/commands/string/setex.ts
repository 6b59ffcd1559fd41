// SETEX, PSETEX: a string with an expiry, in seconds or milliseconds. Journaled as SET … PXAT.

import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { readPositiveExpiry } from './string-expiry.ts'

function setWithExpiry(call: Call, unit: 'EX' | 'PX'): void {
  const key = call.key(1)
  const value = call.args.bytes(3)
  const expiry = readPositiveExpiry(call, 2, unit)
  const { db } = call
  db.setExpiry(db.writeString(key, value, true, call.args.owns(3)), Number(expiry))
  call.propagate('SET', key, value, 'PXAT', expiry)
  call.changed(key, 'set')
  call.notify(key, 'expire')
  call.reply.ok()
}

const common = {
  group: 'string',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'OW', use: 'update' }],
  reply: 'OK',
} as const satisfies Partial<CommandSpec>

export const setex = defineCommand({
  ...common,
  name: 'SETEX',
  summary: 'Sets a key to a string that expires after some seconds.',
  since: '2.0.0',
  args: [
    { name: 'key', type: 'key' },
    { name: 'seconds', type: 'integer' },
    { name: 'value', type: 'string' },
  ],
  deprecated: { since: '2.6.12', instead: '`SET` with the `EX` argument' },
  run: (call) => setWithExpiry(call, 'EX'),
})

export const psetex = defineCommand({
  ...common,
  name: 'PSETEX',
  summary: 'Sets a key to a string that expires after some milliseconds.',
  since: '2.6.0',
  args: [
    { name: 'key', type: 'key' },
    { name: 'milliseconds', type: 'integer' },
    { name: 'value', type: 'string' },
  ],
  deprecated: { since: '2.6.12', instead: '`SET` with the `PX` argument' },
  run: (call) => setWithExpiry(call, 'PX'),
})
