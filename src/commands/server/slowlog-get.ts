// SLOWLOG GET, LEN, RESET: the slowest commands, their number, and forgetting them.

import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

const COUNT_DEFAULT = 10

export const slowlogGet = defineCommand({
  name: 'SLOWLOG GET',
  summary: 'Returns the commands that took longest, the newest first.',
  group: 'server',
  since: '2.2.12',
  complexity: 'O(N) where N is the number of entries returned',
  arity: -2,
  flags: ['admin', 'loading', 'stale'],
  args: [{ name: 'count', type: 'integer', optional: true }],
  tips: ['request_policy:all_nodes', 'nondeterministic_output'],
  reply: 'array: an array for each entry: id, Unix time, microseconds, the words, the client’s address and name',
  history: [['4.0.0', 'Tells the address and the name of the client.']],
  run(call) {
    const { args, reply } = call
    if (args.length > 3) throw ERR.subcommandSyntax(args.string(1), 'SLOWLOG')
    const entries = call.engine.figures.slowLog.newest(args.length === 3 ? countIn(call) : COUNT_DEFAULT)
    reply.array(entries.length)
    for (const entry of entries) {
      reply.array(6)
      reply.integer(entry.id)
      reply.integer(entry.seconds)
      reply.integer(entry.microseconds)
      reply.array(entry.words.length)
      for (const word of entry.words) reply.text(word)
      reply.text(entry.address)
      reply.text(entry.clientName)
    }
  },
})

/** -1 means all. */
function countIn(call: Call): number {
  const refusal = ERR.of('count should be greater than or equal to -1')
  let count: number
  try {
    count = Number(call.args.integer(2))
  } catch {
    // Text that is no number gets the same error as a wrong number.
    throw refusal
  }
  if (count < -1) throw refusal
  return count === -1 ? Number.POSITIVE_INFINITY : count
}

export const slowlogLen = defineCommand({
  name: 'SLOWLOG LEN',
  summary: 'Returns how many slow commands are kept.',
  group: 'server',
  since: '2.2.12',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin', 'loading', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
  reply: 'integer: number of entries',
  run: (call) => call.reply.integer(call.engine.figures.slowLog.length),
})

export const slowlogReset = defineCommand({
  name: 'SLOWLOG RESET',
  summary: 'Forgets the slow commands that are kept.',
  group: 'server',
  since: '2.2.12',
  complexity: 'O(N) where N is the number of entries in the slowlog',
  arity: 2,
  flags: ['admin', 'loading', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  reply: 'status: OK',
  run(call) {
    call.engine.figures.slowLog.clear()
    call.reply.ok()
  },
})
