// SISMEMBER, SMISMEMBER: tell whether a set has a member, or which of several.

import { MemberSet } from '../../store/set/member-set.ts'
import { defineCommand } from '../define-command.ts'

export const sismember = defineCommand({
  name: 'SISMEMBER',
  summary: 'Tells whether a set has a member.',
  group: 'set',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'member', type: 'string' },
  ],
  reply: 'integer: 1 when it has, 0 when it has not or there is no set',
  run(call) {
    const set = call.db.getForRead(call.key(1), MemberSet)
    call.reply.integer(set?.has(call.args.bytes(2)) ? 1 : 0)
  },
})

export const smismember = defineCommand({
  name: 'SMISMEMBER',
  summary: 'Tells of each of several members whether a set has it.',
  group: 'set',
  since: '6.2.0',
  complexity: 'O(N) where N is the number of members asked for.',
  arity: -3,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'member', type: 'string', multiple: true },
  ],
  reply: 'array: 1 or 0 for each member, in the order they were asked for',
  run(call) {
    const { args, reply } = call
    const set = call.db.getForRead(call.key(1), MemberSet)
    reply.array(args.length - 2)
    for (let i = 2; i < args.length; i++) reply.integer(set?.has(args.bytes(i)) ? 1 : 0)
  },
})
