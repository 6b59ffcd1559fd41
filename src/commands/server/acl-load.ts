// ACL LOAD, ACL SAVE: read the users from the ACL file, and write them to it.
//
// The file is small and the command rare, so this happens synchronously.

import { UserLinesError } from '../../acl/user-lines.ts'
import { readUsersFile, writeUsersFile } from '../../persistence/users-file.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Engine } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const common = {
  group: 'server',
  since: '6.0.0',
  complexity: 'O(N) where N is the number of rules of all users.',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  reply: 'status: OK',
} as const satisfies Partial<CommandSpec>

const NO_FILE = ERR.of(
  'This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.',
)
const NOT_SAVED = ERR.of(
  'There was an error trying to save the ACLs. Please check the server logs for more information',
)

export const aclLoad = defineCommand({
  ...common,
  name: 'ACL LOAD',
  summary: 'Replaces the users by those of the ACL file: all of them, or none when something is wrong with one.',
  run(call) {
    const engine = call.engine
    refuseWithoutFile(engine)
    try {
      engine.clients.users.replaceAll(readUsersFile(engine.config, engine.clients.users))
    } catch (error) {
      if (!(error instanceof UserLinesError)) throw error
      throw ERR.of(error.message)
    }
    call.reply.ok()
  },
})

export const aclSave = defineCommand({
  ...common,
  name: 'ACL SAVE',
  summary: 'Writes the users into the ACL file.',
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  run(call) {
    const engine = call.engine
    refuseWithoutFile(engine)
    try {
      writeUsersFile(engine.config, engine.clients.users)
    } catch (error) {
      // The disk is full, or permission is missing: the old file stays, and the client gets an
      // error.
      engine.environment.log.warn({ file: engine.config.get('aclfile'), error }, 'the ACL file could not be written')
      throw NOT_SAVED
    }
    call.reply.ok()
  },
})

function refuseWithoutFile({ config }: Engine): void {
  if (config.get('aclfile') === '') throw NO_FILE
}
