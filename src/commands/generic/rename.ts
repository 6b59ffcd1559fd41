// RENAME, RENAMENX: give a value, with its expiry time, another name.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

/** Renames a key. Returns false if the new name exists and may not be replaced. */
function renameKey(call: Call, mode: 'replace' | 'if-free'): boolean {
  const from = call.key(1)
  const to = call.key(2)
  if (call.db.find(from) === NONE) throw ERR.noSuchKey
  // A key renamed to itself is not changed: no event, nothing in the journal.
  if (from.equals(to)) return mode === 'replace'
  if (mode === 'if-free' && call.db.find(to) !== NONE) return false
  call.db.rename(from, to)
  call.changed(from, 'rename_from')
  call.changed(to, 'rename_to', 0)
  return true
}

const common = {
  group: 'generic',
  complexity: 'O(1)',
  acl: ['keyspace'],
  arity: 3,
  args: [
    { name: 'key', type: 'key' },
    { name: 'newkey', type: 'key' },
  ],
} as const satisfies Partial<CommandSpec>

export const rename = defineCommand({
  ...common,
  name: 'RENAME',
  summary: 'Gives a key another name, replacing what bore it.',
  since: '1.0.0',
  flags: ['write'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] },
    { first: 2, last: 2, step: 1, access: 'OW', use: 'update' },
  ],
  reply: 'OK',
  run(call) {
    renameKey(call, 'replace')
    call.reply.ok()
  },
})

export const renamenx = defineCommand({
  ...common,
  name: 'RENAMENX',
  summary: 'Gives a key another name if no key bears it.',
  since: '1.0.0',
  flags: ['write', 'fast'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] },
    { first: 2, last: 2, step: 1, access: 'OW', use: 'insert' },
  ],
  reply: 'integer: 1 when renamed, 0 when the new name was taken',
  history: [['3.2.0', 'Equal names are no error any more.']],
  run(call) {
    call.reply.integer(renameKey(call, 'if-free') ? 1 : 0)
  },
})
