// The ACL file on disk: read at the start and by ACL LOAD, written by ACL SAVE.

import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { User } from '../acl/user.ts'
import { parseUserLines, UserLinesError, userLine } from '../acl/user-lines.ts'
import type { Config } from '../config/config.ts'
import type { Users } from '../engine/clients/users.ts'
import { replaceFile } from './disk/replace-file.ts'

/** A new file is readable by its owner alone: hashes of passwords are worth guessing at. */
const NEW_FILE_MODE = 0o600

/** Reads the users in the file. Throws UserLinesError, also for a file that cannot be read. */
export function readUsersFile(config: Config, users: Users): Map<string, User> {
  const name = config.get('aclfile')
  let text: string
  try {
    text = readFileSync(pathOf(config), 'latin1')
  } catch (error) {
    throw new UserLinesError(`Error loading ACLs, opening file '${name}': ${reasonOf(error)}`)
  }
  return parseUserLines(text, name, users.ruleContext)
}

/** Writes all users into the file. Throws the disk's error; then the old file still stands. */
export function writeUsersFile(config: Config, users: Users): void {
  const path = pathOf(config)
  const text = users.sorted().map((user) => `${userLine(user)}\n`)
  replaceFile(path, text.join(''), modeOf(path))
}

/**
 * A relative name is one in `dir`: a redis-server has changed to it by the time it reads the file.
 */
function pathOf(config: Config): string {
  return resolve(config.get('dir'), config.get('aclfile'))
}

function modeOf(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.mode ?? NEW_FILE_MODE) & 0o777
}

/** Returns C's words for the error, as Redis has them. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'No such file or directory'
  return code === 'EACCES' ? 'Permission denied' : message
}
