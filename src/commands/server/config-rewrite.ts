// CONFIG REWRITE: what was set while running goes into the config file.
//
// Comments, order and untouched lines stay (see config/config-rewrite.ts). Users are
// written as lines of this file, unless they have one of their own (`aclfile`).

import { readFileSync, statSync } from 'node:fs'
import { userLine } from '../../acl/user-lines.ts'
import { rewriteConfigFile } from '../../config/config-rewrite.ts'
import { replaceFile } from '../../persistence/disk/replace-file.ts'
import { describeDiskError } from '../../persistence/errors.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Engine } from '../call.ts'
import { defineCommand } from '../define-command.ts'

export const configRewrite = defineCommand({
  name: 'CONFIG REWRITE',
  summary: 'Writes the settings in force into the config file.',
  group: 'server',
  since: '2.8.0',
  complexity: 'O(N) with N lines of the file',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  reply: 'status: OK',
  run(call) {
    const engine = call.engine
    if (engine.parts.host.configFile === undefined) throw ERR.of('The server is running without a config file')
    const failure = writeConfigFile(engine, 'changed')
    if (failure !== undefined) throw ERR.of(`Rewriting config file: ${failure}`)
    call.reply.ok()
  },
})

/**
 * Rewrites the config file, with the settings that are not the default, or all with `every`.
 * Returns the error, if there was one.
 */
export function writeConfigFile(engine: Engine, settings: 'changed' | 'every'): string | undefined {
  const path = engine.parts.host.configFile
  // Without a config file redis-server opens a null path, and shows the system's error for it.
  if (path === undefined) return 'Bad address'
  const userLines = engine.config.get('aclfile') === '' ? engine.clients.users.configured().map(userLine) : []
  try {
    const { text, mode } = readOrEmpty(path)
    replaceFile(path, rewriteConfigFile(text, engine.config, userLines, settings), mode)
  } catch (error) {
    // The disk is full, or permission is missing: the old file stays, and the client gets an error.
    engine.environment.log.warn({ path, error }, 'the config file could not be rewritten')
    return describeDiskError(error)
  }
  engine.environment.log.info({ path }, 'config file rewritten')
  return undefined
}

/** The contents of the file; empty if the file was removed meanwhile. */
function readOrEmpty(path: string): { text: string; mode: number } {
  try {
    return { text: readFileSync(path, 'latin1'), mode: statSync(path).mode & 0o777 }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { text: '', mode: 0o644 }
  }
}
