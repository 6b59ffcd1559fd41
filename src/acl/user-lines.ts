// Users as lines of text: `user <name> <rule> <rule> …`. An ACL file consists of such lines; a
// config file has them among others.
//
// In the ACL file, single blanks separate words, and words are not quoted: names and patterns hold
// no blanks.

import { hasBlanks, RuleError } from './rule-error.ts'
import { joinSelectors, type RuleContext, UnclosedSelector, User } from './user.ts'

/** All errors of a text of users in one line, in Redis's words. */
export class UserLinesError extends Error {
  override name = 'UserLinesError'
}

/**
 * Errors that are reported for one text. A file that is no list of users would otherwise fill the
 * log.
 */
const ERRORS_TOLD_MAX = 100

/** Parses an ACL file; `path` is its name in errors. Throws UserLinesError. */
export function parseUserLines(text: string, path: string, context: RuleContext): Map<string, User> {
  const users = new Map<string, User>()
  const errors: string[] = []
  for (const [i, line] of text.split('\n').entries()) {
    const trimmed = line.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
    if (trimmed !== '') parseLine(trimmed, i + 1, path, context, users, errors)
    if (errors.length >= ERRORS_TOLD_MAX) break
  }
  if (errors.length === 0) return users
  throw new UserLinesError(
    `${errors.join('')}WARNING: ACL errors detected, no change to the previously active ACL rules was performed`,
  )
}

function parseLine(
  line: string,
  number: number,
  path: string,
  context: RuleContext,
  users: Map<string, User>,
  errors: string[],
): void {
  const [keyword, name, ...words] = line.split(' ')
  if (keyword !== 'user' || name === undefined) {
    errors.push(`${path}:${number} should start with user keyword followed by the username. `)
  } else if (hasBlanks(name)) {
    errors.push(`'${path}:${number}: username '${name}' contains invalid characters. `)
  } else if (users.has(name)) {
    errors.push(`WARNING: Duplicate user '${name}' found on line ${number}. `)
  } else {
    const user = new User(name, context)
    users.set(name, user)
    errors.push(...applyAll(user, words, `${path}:${number}`, context))
  }
}

/**
 * Applies the words of a line. Returns the errors: every unknown name, and the first of the other
 * mistakes.
 */
function applyAll(user: User, words: readonly string[], where: string, context: RuleContext): string[] {
  let rules: string[]
  try {
    rules = joinSelectors(words)
  } catch (error) {
    if (!(error instanceof UnclosedSelector)) throw error
    return [`${where}: Unmatched parenthesis in selector definition.`]
  }
  const errors: string[] = []
  let toldOthers = false
  for (const rule of rules) {
    const trimmed = rule.replace(/^[\t\r\n]+|[\t\r\n]+$/g, '')
    try {
      user.apply(trimmed, context)
    } catch (error) {
      if (!(error instanceof RuleError)) throw error
      if (error.isUnknownName) errors.push(`${where}: Error in applying operation '${trimmed}': ${error.message}. `)
      else if (!toldOthers) errors.push(`${where}: ${error.message}. `)
      toldOthers ||= !error.isUnknownName
    }
  }
  return errors
}

/** Returns the line that defines a user. */
export function userLine(user: User): string {
  return `user ${user.name} ${user.describe()}`
}
