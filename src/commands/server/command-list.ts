// COMMAND LIST: the names of commands: all, or those of a module, a category or a pattern.

import { ACL_CATEGORIES, aclCategories } from '../../engine/spec/acl-categories.ts'
import type { Command } from '../../engine/spec/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { globMatch } from '../../util/bytes/glob.ts'
import { defineCommand } from '../define-command.ts'

export const commandList = defineCommand({
  name: 'COMMAND LIST',
  summary: 'Returns the names of commands.',
  group: 'server',
  since: '7.0.0',
  complexity: 'O(N) with N commands',
  acl: ['connection'],
  arity: -2,
  flags: ['loading', 'stale'],
  args: [
    {
      name: 'filterby',
      type: 'oneof',
      token: 'FILTERBY',
      optional: true,
      args: [
        { name: 'module-name', type: 'string', token: 'MODULE' },
        { name: 'category', type: 'string', token: 'ACLCAT' },
        { name: 'pattern', type: 'pattern', token: 'PATTERN' },
      ],
    },
  ],
  tips: ['nondeterministic_output_order'],
  reply: 'array: names, those of subcommands too',
  run(call) {
    const { args, reply } = call
    const engine = call.engine
    const names: string[] = []
    if (args.length !== 2 && (args.length !== 5 || !args.equalsIgnoreCase(2, 'FILTERBY'))) throw ERR.syntax
    const test = args.length === 2 ? () => true : filter(args.string(3).toUpperCase(), args.string(4).toLowerCase())
    for (const each of engine.commands.all()) if (test(each)) names.push(each.name)
    reply.array(names.length)
    for (const name of names) reply.text(name)
  },
})

function filter(by: string, value: string): (command: Command) => boolean {
  switch (by) {
    case 'MODULE':
      return () => false
    case 'ACLCAT': {
      const category = ACL_CATEGORIES.find((name) => name === value)
      return category === undefined ? () => false : (command) => aclCategories(command).includes(category)
    }
    case 'PATTERN':
      return (command) => globMatch(value, command.name)
    default:
      throw ERR.syntax
  }
}
