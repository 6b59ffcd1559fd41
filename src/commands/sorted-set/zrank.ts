// ZRANK, ZREVRANK: the rank of a member.

import { ERR } from '../../protocol/errors.ts'
import { ABSENT, SortedSet } from '../../store/sorted-set/sorted-set.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function rank(call: Call, order: 'ascending' | 'descending'): void {
  const { args } = call
  if (args.length > 4) throw ERR.arity(call.command.name)
  const withScore = args.length === 4
  if (withScore && !args.equalsIgnoreCase(3, 'WITHSCORE')) throw ERR.syntax
  const member = args.bytes(2)
  const set = call.db.getForRead(call.key(1), SortedSet)
  const handle = set === undefined ? ABSENT : set.find(member)
  if (set === undefined || handle === ABSENT) {
    if (withScore) call.reply.nilArray()
    else call.reply.nil()
    return
  }
  const ascending = set.rankOf(handle, member)
  if (withScore) call.reply.array(2)
  call.reply.integer(order === 'ascending' ? ascending : set.length - 1 - ascending)
  if (withScore) call.reply.double(set.scoreOf(handle))
}

const common = {
  group: 'sorted-set',
  since: '2.0.0',
  complexity: 'O(log(N)) where N is the number of members.',
  arity: -3,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'member', type: 'string' },
    { name: 'withscore', type: 'pure-token', token: 'WITHSCORE', optional: true },
  ],
  reply: 'integer: the rank, nil when there is no such member; with `WITHSCORE` an array of the rank and the score',
  history: [['7.2.0', 'Takes `WITHSCORE`.']],
} as const satisfies Partial<CommandSpec>

export const zrank = defineCommand({
  ...common,
  name: 'ZRANK',
  summary: 'Returns the rank of a member of a sorted set, the lowest score being first.',
  run: (call) => rank(call, 'ascending'),
})

export const zrevrank = defineCommand({
  ...common,
  name: 'ZREVRANK',
  summary: 'Returns the rank of a member of a sorted set, the highest score being first.',
  run: (call) => rank(call, 'descending'),
})
