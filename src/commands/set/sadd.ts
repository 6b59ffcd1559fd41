// SADD: adds members to a set, which is created if needed.

import type { Word } from '../../engine/effects/effects.ts'
import { MemberSet } from '../../store/set/member-set.ts'
import { defineCommand } from '../define-command.ts'
import { newSet } from './set-arguments.ts'

export const sadd = defineCommand({
  name: 'SADD',
  summary: 'Adds members to a set, creating it if needed.',
  group: 'set',
  since: '1.0.0',
  complexity: 'O(1) for each member added.',
  arity: -3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'insert' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'member', type: 'string', multiple: true },
  ],
  reply: 'integer: how many members are new',
  history: [['2.4.0', 'Accepts several members.']],
  run(call) {
    const { args } = call
    const key = call.key(1)
    const end = args.length
    let set = call.db.getForWrite(key, MemberSet)
    if (set === undefined) {
      set = call.db.create(key, newSet(call))
      set.begin(args.bytes(2), end - 2)
    } else {
      set.expect(end - 2)
    }
    let added = 0
    let i = 2
    try {
      for (; i < end; i++) if (set.add(args.bytes(i))) added++
    } finally {
      // Memory ran out half way: the added members stay, and are journaled.
      if (i < end && added > 0) {
        const words: Word[] = ['SADD', key]
        for (let done = 2; done < i; done++) words.push(args.bytes(done))
        call.propagate(...words)
        call.changed(key, 'sadd')
      } else if (set.length === 0) {
        call.db.delete(key)
      }
    }
    if (added > 0) call.changed(key, 'sadd', added)
    call.reply.integer(added)
  },
})
