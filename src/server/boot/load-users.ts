// The initial users of a server: those in its configuration, or those of its ACL file, but not
// both.

import { hasBlanks, REASONS, RuleError } from '../../acl/rule-error.ts'
import { joinSelectors, type RuleContext, UnclosedSelector, User } from '../../acl/user.ts'
import { UserLinesError } from '../../acl/user-lines.ts'
import type { Engine } from '../../engine/engine.ts'
import { readUsersFile } from '../../persistence/users-file.ts'
import { UsersError } from './errors.ts'

/** Loads the users. `configured`: each a name, then rules. Throws UsersError. */
export function loadUsers(engine: Engine, configured: readonly (readonly string[])[]): void {
  const { config } = engine
  const { log } = engine.environment
  const { users } = engine.clients
  const hasFile = config.get('aclfile') !== ''
  if (hasFile && configured.length > 0) {
    throw new UsersError(
      'users are defined in the configuration, and an aclfile is set: define them in one place, not in both',
    )
  }
  if (hasFile) {
    try {
      users.replaceAll(readUsersFile(engine.config, users))
    } catch (error) {
      if (error instanceof UserLinesError) throw new UsersError(error.message)
      throw error
    }
    return
  }
  if (configured.length === 0) return
  const named = new Map<string, User>([[users.default.name, users.default]])
  for (const words of configured) {
    const user = userOf(words, users.ruleContext)
    named.set(user.name, user)
    // The rule is valid, but perhaps a mistake: this user cannot log in.
    if (!user.enabled) log.warn({ user: user.name }, "a configured user is off: there is no 'on' among its rules")
  }
  users.replaceAll(named)
}

function userOf([name = '', ...words]: readonly string[], context: RuleContext): User {
  if (hasBlanks(name)) throw new UsersError('Spaces not allowed in ACL usernames')
  const user = new User(name, context)
  try {
    for (const rule of joinSelectors(words)) applyRule(user, rule, context)
  } catch (error) {
    if (!(error instanceof UnclosedSelector)) throw error
    throw new UsersError(`Error in user declaration '${name}': ${REASONS.syntax}`)
  }
  return user
}

function applyRule(user: User, rule: string, context: RuleContext): void {
  try {
    user.apply(rule, context)
  } catch (error) {
    if (!(error instanceof RuleError)) throw error
    // A password must not appear in a log.
    const told = /^[<>#!]/.test(rule) ? `${rule[0]}…` : rule
    throw new UsersError(`Error loading ACL rule '${told}' for the user named '${user.name}': ${error.message}`)
  }
}
