// ACL CAT: the categories of commands, or the commands of one.

import { ACL_CATEGORIES } from '../../engine/spec/acl-categories.ts'
import { ERR, printable } from '../../protocol/errors.ts'
import { lowerCase } from '../../util/bytes/text.ts'
import { defineCommand } from '../define-command.ts'

const QUOTED_LENGTH_MAX = 128

export const aclCat = defineCommand({
  name: 'ACL CAT',
  summary: 'Tells the categories of commands, or the commands of one.',
  group: 'server',
  since: '6.0.0',
  complexity: 'O(1) since categories and commands are fixed.',
  arity: -2,
  flags: ['noscript', 'loading', 'stale'],
  args: [{ name: 'category', type: 'string', optional: true }],
  reply: 'array: names of categories, or of commands',
  run(call) {
    const { args, reply } = call
    if (args.length > 3) throw ERR.subcommandSyntax(args.string(1), 'ACL')
    if (args.length === 2) {
      reply.array(ACL_CATEGORIES.length)
      for (const category of ACL_CATEGORIES) reply.text(category)
      return
    }
    const commands = call.engine.commands.inCategory(lowerCase(args.string(2)))
    if (commands === undefined) throw ERR.of(`Unknown category '${printable(args.string(2), QUOTED_LENGTH_MAX)}'`)
    reply.array(commands.length)
    for (const { name } of commands) reply.text(name)
  },
})
