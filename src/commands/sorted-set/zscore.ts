// ZSCORE, ZMSCORE: the scores of members.

import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function replyScore(call: Call, set: SortedSet | undefined, member: Bytes): void {
  const score = set?.score(member)
  if (score === undefined) call.reply.nil()
  else call.reply.double(score)
}

const common = {
  group: 'sorted-set',
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
} as const satisfies Partial<CommandSpec>

export const zscore = defineCommand({
  ...common,
  name: 'ZSCORE',
  summary: 'Returns the score of a member of a sorted set.',
  since: '1.2.0',
  complexity: 'O(1)',
  arity: 3,
  args: [
    { name: 'key', type: 'key' },
    { name: 'member', type: 'string' },
  ],
  reply: 'double: the score, nil when there is no such member',
  run: (call) => replyScore(call, call.db.getForRead(call.key(1), SortedSet), call.args.bytes(2)),
})

export const zmscore = defineCommand({
  ...common,
  name: 'ZMSCORE',
  summary: 'Returns the scores of several members of a sorted set.',
  since: '6.2.0',
  complexity: 'O(N) where N is the number of members asked for.',
  arity: -3,
  args: [
    { name: 'key', type: 'key' },
    { name: 'member', type: 'string', multiple: true },
  ],
  reply: 'array: a score or nil for each member',
  run(call) {
    const { args } = call
    const set = call.db.getForRead(call.key(1), SortedSet)
    call.reply.array(args.length - 2)
    for (let i = 2; i < args.length; i++) replyScore(call, set, args.bytes(i))
  },
})
