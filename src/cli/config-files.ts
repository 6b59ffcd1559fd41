// Config files as they lie on the disk: reading them, and finding those that `include` means by a pattern.

import fs from 'node:fs'
import { join, parse } from 'node:path'
import { describeDiskError } from '../persistence/errors.ts'
import { globMatch } from '../util/bytes/glob.ts'

const SLASHES = process.platform === 'win32' ? /[/\\]/ : /\//

/** Reads a config file; `-` is standard input. Throws an error that says why in the system's words. */
export function readConfigFile(path: string): string {
  try {
    return fs.readFileSync(path === '-' ? 0 : path, 'latin1')
  } catch (error) {
    throw new Error(describeDiskError(error), { cause: error })
  }
}

/** Returns the files a pattern means, sorted, as a shell does it: `*` does not match a first dot, nor a slash. */
export function matchingFiles(pattern: string): string[] {
  // Where a path begins: `/`, nowhere, or a drive on Windows, which takes both kinds of slashes.
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
    // As for a shell: where nothing can be listed, nothing matches.
    return []
  }
}
