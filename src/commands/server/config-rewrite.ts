// CONFIG REWRITE: what was set while running goes into the config file.
//
// The file is replaced whole, by renaming a synced copy over it: a crash leaves
// the old file or the new one. Comments, order and untouched lines stay (see
// engine/config-rewrite.ts). It is one small file, written when somebody asks for
// it, so it is written synchronously.

import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { defineCommand } from '../../engine/command.ts'
import { rewriteConfigFile } from '../../engine/config-rewrite.ts'
import { engineOf } from '../../engine/engine.ts'
import { describeDiskError } from '../../persistence/errors.ts'
import { ERR } from '../../protocol/errors.ts'

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
    const engine = engineOf(call)
    const path = engine.host.configFile
    if (path === undefined) throw ERR.of('The server is running without a config file')
    try {
      const { text, mode } = readOrEmpty(path)
      replaceFile(path, rewriteConfigFile(text, engine.config), mode)
    } catch (error) {
      // Disk full, no permission: the old file still stands, whoever asked is told.
      engine.log.warn({ path, error }, 'the config file could not be rewritten')
      throw ERR.of(`Rewriting config file: ${describeDiskError(error)}`)
    }
    engine.log.info({ path }, 'config file rewritten')
    call.reply.ok()
  },
})

/** The file as it is; one that was removed meanwhile is made anew. */
function readOrEmpty(path: string): { text: string; mode: number } {
  try {
    return { text: readFileSync(path, 'latin1'), mode: statSync(path).mode & 0o777 }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { text: '', mode: 0o644 }
  }
}

function replaceFile(path: string, text: string, mode: number): void {
  const directory = dirname(path)
  const temporary = join(directory, `.respite-config-${process.pid}.tmp`)
  const descriptor = openSync(temporary, 'w', mode)
  try {
    const bytes = Buffer.from(text, 'latin1')
    let written = 0
    while (written < bytes.length) written += writeSync(descriptor, bytes, written)
    // The mode given to open is cut by the umask.
    fchmodSync(descriptor, mode)
    fsyncSync(descriptor)
    renameSync(temporary, path)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  } finally {
    closeSync(descriptor)
  }
  // The name is only safe once the directory is.
  const parent = openSync(directory, 'r')
  try {
    fsyncSync(parent)
  } finally {
    closeSync(parent)
  }
}
