import { defineCommand } from '../../engine/command.ts'
import { replyHelp } from '../help.ts'

export const aclHelp = defineCommand({
  name: 'ACL HELP',
  summary: 'Explains the subcommands of ACL.',
  group: 'server',
  since: '6.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'ACL', [
      ['CAT [<category>]', 'The categories of commands, or the commands of one.'],
      ['DELUSER <username> [<username> ...]', 'Remove users and end their connections.'],
      ['DRYRUN <username> <command> [<arg> ...]', 'Whether a user may run a command; it is not run.'],
      ['GETUSER <username>', 'The rules of a user, field by field.'],
      ['GENPASS [<bits>]', 'A password of 256 random bits, or of as many as you say.'],
      ['LIST', 'All users as lines of the ACL file.'],
      ['LOAD', 'Replace the users by those of the ACL file.'],
      ['LOG [<count> | RESET]', 'What users were refused lately; or forget it.'],
      ['SAVE', 'Write the users into the ACL file.'],
      ['SETUSER <username> <rule> [<rule> ...]', 'Make a user, or change its rules.'],
      ['USERS', 'The names of all users.'],
      ['WHOAMI', 'The user of this connection.'],
    ])
  },
})
