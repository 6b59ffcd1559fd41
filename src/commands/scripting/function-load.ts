// FUNCTION LOAD: adds a library, or replaces one.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const functionLoad = defineCommand({
  name: 'FUNCTION LOAD',
  summary: 'Loads a library of functions.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'O(1) (considering compilation time is redundant)',
  arity: -3,
  flags: ['write', 'denyoom', 'noscript'],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  args: [
    { name: 'replace', type: 'pure-token', token: 'REPLACE', optional: true },
    { name: 'function-code', type: 'string' },
  ],
  reply: "bulk string: the library's name",
  run(call) {
    const { args } = call
    const last = args.length - 1
    let replace = false
    for (let i = 2; i < last; i++) {
      if (!args.equalsIgnoreCase(i, 'REPLACE')) throw ERR.of(`Unknown option given: ${args.string(i)}`)
      replace = true
    }
    const name = call.engine.parts.scripting.functions.load(args.string(last), replace ? 'replace' : 'refuse')
    call.engine.effects.durability.changedLibraries()
    call.changes++
    call.reply.text(name)
  },
})
