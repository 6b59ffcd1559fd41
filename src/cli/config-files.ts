// Config files on disk: reads them, and finds the files that `include` names by a pattern.

import fs from 'node:fs'
import { join, parse } from 'node:path'
import { describeDiskError } from '../persistence/errors.ts'
import { globMatch } from '../util/bytes/glob.ts'

const SLASHES = process.platform === 'win32' ? /[/\\]/ : /\//

/** Reads a config file; `-` is standard input. Throws an error with the system's reason. */
export function readConfigFile(path: string): string {
  try {
    return fs.readFileSync(path === '-' ? 0 : path, 'latin1')
  } catch (error) {
    throw new Error(describeDiskError(error), { cause: error })
  }
}

/**
 * Returns the files that match a pattern, sorted, as a shell does: `*` matches neither a leading
 * dot nor a slash.
 */
export function matchingFiles(pattern: string): string[] {
  // The start of a path: `/`, nothing, or a drive on Windows, which accepts both kinds of slashes.
  const { root } = parse(pattern)
  let found = [root]
  for (const part of pattern.slice(root.length).split(SLASHES).filter(Boolean)) {
    found = /[*?[]/.test(part)
      ? found.flatMap((directory) => entriesOf(directory, part))
      : found.map((directory) => join(directory, part))
  }
  return found.filter((path) => fs.existsSync(path))
}

function entriesOf(directory: string, pattern: string): string[] {
  try {
    return fs
      .readdirSync(directory === '' ? '.' : directory)
      .filter((name) => globMatch(pattern, name) && (!name.startsWith('.') || pattern.startsWith('.')))
      .sort()
      .map((name) => join(directory, name))
  } catch {
    // As in a shell: a directory that cannot be listed has no matches.
    return []
  }
}
