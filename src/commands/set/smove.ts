// SMOVE: moves a member from one set to another.

import { MemberSet } from '../../store/set/member-set.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { newSet } from './set-arguments.ts'

function move(call: Call): void {
  const { db } = call
  const member = call.args.bytes(3)
  const from = call.key(1)
  const to = call.key(2)
  const source = db.getForWrite(from, MemberSet)
  // Redis does not look up the destination if there is nothing to move.
  if (source === undefined) {
    call.reply.integer(0)
    return
  }
  let destination = db.getForWrite(to, MemberSet)
  const slot = source.find(member)
  if (slot < 0 || source === destination) {
    call.reply.integer(slot < 0 ? 0 : 1)
    return
  }

  // The member is in both sets for a moment. If memory runs out, it is still in the source.
  const created = destination === undefined
  if (destination === undefined) {
    destination = newSet(call)
    destination.begin(member, 1)
    db.insertStructure(to, destination)
  }
  let added = false
  try {
    added = destination.add(member)
  } finally {
    if (created && destination.length === 0) db.delete(to)
  }
  source.removeSlot(slot)
  call.removed(from, 'srem', 1, source.length === 0)
  // Events come in Redis's order: first the removal, then the addition.
  if (created) db.host.reports.created?.(db, to, destination.type)
  if (added) call.changed(to, 'sadd')
  call.reply.integer(1)
}

export const smove = defineCommand({
  name: 'SMOVE',
  summary: 'Moves a member from one set to another.',
  group: 'set',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'fast'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] },
    { first: 2, last: 2, step: 1, access: 'RW', use: 'insert' },
  ],
  args: [
    { name: 'source', type: 'key' },
    { name: 'destination', type: 'key' },
    { name: 'member', type: 'string' },
  ],
  reply: 'integer: 1 when moved, 0 when the source has no such member',
  run: move,
})
