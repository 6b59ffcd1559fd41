// ACL DRYRUN: tells whether a user may run a command. The command is not run, and ACL LOG gets no
// entry.

import { denialOf } from '../../engine/clients/permissions.ts'
import { hasArity, meantBy } from '../../engine/spec/command-table.ts'
import { Arguments } from '../../protocol/arguments.ts'
import { ERR, printable } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

/** Index of the command to check. */
const COMMAND_AT = 3

export const aclDryrun = defineCommand({
  name: 'ACL DRYRUN',
  summary: 'Tells whether a user may run a command, without running it.',
  group: 'server',
  since: '7.0.0',
  complexity: 'O(1)',
  arity: -4,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  args: [
    { name: 'username', type: 'string' },
    { name: 'command', type: 'string' },
    { name: 'arg', type: 'string', optional: true, multiple: true },
  ],
  reply: 'status OK, or text: what the user may not do',
  run(call) {
    const { args, reply } = call
    const {
      commands,
      clients: { users },
    } = call.engine
    const user = users.get(args.string(2))
    if (user === undefined) throw ERR.of(`User '${whole(args.string(2))}' not found`)
    const request = new Arguments()
    request.length = args.length - COMMAND_AT
    for (let i = 0; i < request.length; i++) {
      const { length, source, start } = args.bytes(COMMAND_AT + i)
      request.window(i).set(source, start, length)
    }
    const named = commands.find(request.bytes(0))
    const command = named === undefined ? undefined : meantBy(named, request)
    if (command === undefined) throw ERR.of(`Command '${whole(request.string(0))}' not found`)
    if (!hasArity(command, request)) throw ERR.arity(command.name)
    const denial = denialOf(user, command, request)
    if (denial === undefined) {
      reply.ok()
      return
    }
    const { index, reason } = denial
    reply.text(
      reason === 'command'
        ? `User ${user.name} has no permissions to run the '${command.name}' command`
        : `User ${user.name} has no permissions to access the '${request.string(index)}' ${reason}`,
    )
  },
})

/** A text as C prints it, up to its first NUL. */
function whole(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY)
}
