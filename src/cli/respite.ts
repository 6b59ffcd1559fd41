#!/usr/bin/env -S node --max-semi-space-size=4
// The server as a program: `respite [config-file] [--option value …]`, options as redis-server names them; and its
// tools, by the first word.
//
// Without a config file the data is kept: under ./data, in an append-only file that is synced every second. With one,
// what it does not say is as redis.conf has it.
//
// A young generation of 4 MiB: the data lies elsewhere, and what commands leave behind is little. The 16 MiB that V8 would
// take cost a million list elements 5 bytes each in resident memory and win 2 % of speed.

import fs from 'node:fs'
import type { ConfigSettings } from '../engine/config.ts'
import { ConfigFileError, parseCommandLine } from '../engine/config-file.ts'
import { RESPITE_VERSION } from '../engine/version.ts'
import { PersistenceError } from '../persistence/errors.ts'
import { createConfig } from '../server/boot.ts'
import { ListenError } from '../server/listener.ts'
import { UsersError } from '../server/load-users.ts'
import { LogFileError, ProgramLog } from '../server/logger.ts'
import { Server } from '../server/server.ts'
import { Signals } from '../server/signals.ts'
import { processBytes } from '../util/process-bytes.ts'
import { runCheckAof, runCheckRdb } from './check.ts'
import { runProveDurability } from './prove-durability.ts'

const HELP = `Usage: respite [config-file | -] [--option value …]

Starts a message broker that speaks the Redis protocol. Options and the config file are
redis-server's; the command line wins over the file. '-' reads the config from standard input.

  respite                                 127.0.0.1:6379, data under ./data, synced every second
  respite --port 7000 --dir /var/lib/respite --appendfsync always
  respite --port 0 --unixsocket /tmp/respite.sock --appendonly no
  respite /etc/respite.conf --loglevel debug

  --help, -h       this text
  --version, -v    the version

Tools; each explains itself with --help:
  respite check-aof [--fix] FILE | MANIFEST          is an append-only log whole?
  respite check-aof --rebuild-manifest MANIFEST      makes a manifest that was lost
  respite check-rdb FILE                             is a snapshot whole?
  respite prove-durability --dir DIR --seconds N     kills the server again and again, and looks what is left

docs/configuration.md lists every option.
`

/** What holds when no config file is given. */
const DEFAULTS: ConfigSettings = { dir: './data', appendonly: 'yes', appendfsync: 'everysec', save: '' }

const TOOLS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  'check-aof': runCheckAof,
  'check-rdb': runCheckRdb,
  'prove-durability': runProveDurability,
}

/** Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const tool = TOOLS[args[0] ?? '']
  if (tool !== undefined) return tool(args.slice(1))
  await serve(args)
  return 0
}

async function serve(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP)
    return
  }
  if (args.includes('--version') || args.includes('-v')) {
    process.stdout.write(`respite ${RESPITE_VERSION} (node ${process.version})\n`)
    return
  }
  const { settings, users, file } = parseCommandLine(args, (path) => fs.readFileSync(path === '-' ? 0 : path, 'latin1'))
  const hasFile = file !== undefined || args[0] === '-'
  const config = createConfig(hasFile ? settings : { ...DEFAULTS, ...settings })
  const log = new ProgramLog(config)
  const signals = new Signals(config, log)
  try {
    const server = await Server.start({
      config,
      log,
      processBytes,
      ...(users === undefined ? {} : { users }),
      ...(file === undefined ? {} : { configFile: file }),
    })
    signals.serve(server)
    await server.stopped
  } finally {
    await log.written()
  }
}

try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  // What the user can put right is one line; anything else is our fault and shows where.
  const expected = [ConfigFileError, ListenError, LogFileError, PersistenceError, UsersError].some(
    (kind) => error instanceof kind,
  )
  const text =
    expected || (error as NodeJS.ErrnoException).code !== undefined ? (error as Error).message : (error as Error).stack
  process.stderr.write(`respite: ${text}\n`)
  process.exit(1)
}
