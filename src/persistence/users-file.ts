// The ACL file on disk: read at the start and by ACL LOAD, written by ACL SAVE.

import { readFileSync, statSync } from 'node:fs'
import type { User } from '../acl/user.ts'
import { parseUserLines, UserLinesError, userLine } from '../acl/user-lines.ts'
import type { Users } from '../engine/users.ts'
import { replaceFile } from './replace-file.ts'

/** A new file is for its owner alone: hashes of passwords are worth guessing at. */
const NEW_FILE_MODE = 0o600

/** Reads the users that a file names. Throws UserLinesError, for a file that cannot be read too. */
export function readUsersFile(path: string, users: Users): Map<string, User> {
  let text: string
  try {
    text = readFileSync(path, 'latin1')
  } catch (error) {
    throw new UserLinesError(`Error loading ACLs, opening file '${path}': ${reasonOf(error)}`)
  }
  return parseUserLines(text, path, users.ruleContext)
}

/** Writes all users into a file. Throws what the disk says; the old file still stands then. */
export function writeUsersFile(path: string, users: Users): void {
  const text = users.sorted().map((user) => `${userLine(user)}\n`)
  replaceFile(path, text.join(''), modeOf(path))
}

function modeOf(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.mode ?? NEW_FILE_MODE) & 0o777
}

/** What C calls the error, as Redis tells it. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'No such file or directory'
  return code === 'EACCES' ? 'Permission denied' : message
}
