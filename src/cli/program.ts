// The server as a program: `respite [config-file] [--option value …]`, with options named as in
// redis-server; and its tools, chosen by the first word.
//
// Without a config file the data is kept: under ./data, in an append-only file that is synced every
// second. With one, settings that it does not have are those of redis.conf.

import { NAMES } from '../commands/names.ts'
import { CONFIG_NAMES, Config, type ConfigSettings, configRow } from '../config/config.ts'
import { ConfigFileError, parseCommandLine, type WrongOption } from '../config/config-file.ts'
import { REDIS_VERSION, RESPITE_VERSION } from '../config/version.ts'
import { PersistenceError } from '../persistence/errors.ts'
import { runProveDurability } from '../prover/prove-durability.ts'
import { LogError } from '../replicated-log/log.ts'
import { ListenError, TlsError, UsersError } from '../server/boot/errors.ts'
import { createConfig, OptionError } from '../server/boot/options.ts'
import { Server } from '../server/boot/server.ts'
import { ProgramLog } from '../server/process/logger.ts'
import { followOomScore } from '../server/process/oom-score.ts'
import { showTitle } from '../server/process/process-title.ts'
import { Signals } from '../server/process/signals.ts'
import { checkSystem, type SystemCheck } from '../server/process/system-check.ts'
import { nearestName } from '../util/bytes/nearest-name.ts'
import { processBytes } from '../util/memory/process-bytes.ts'
import { runCheckAof, runCheckRdb } from './check-files.ts'
import type { CodeCache } from './code-cache.ts'
import { matchingFiles, readConfigFile } from './config-files.ts'
import { type Arguments, printConsoleLink, withConsole } from './console-option.ts'

const HELP = `Usage: respite [config-file] [--option value …] [-]

Starts a message broker that speaks the Redis protocol. Options and the config file are
redis-server's; the command line wins over the file. '-' reads the config from standard input.

  respite                                 127.0.0.1:6379, data under ./data, synced every second
  respite --port 7000 --dir /var/lib/respite --appendfsync always
  respite --port 0 --unixsocket /tmp/respite.sock --appendonly no
  respite /etc/respite.conf --loglevel debug
  respite --log nats://a:4222,b:4222,c:4222/orders --appendfsync always
  echo 'maxmemory 128mb' | respite -

  -p PORT          as --port PORT
  --console        serves the console on a free port, and prints a link that signs in once
  --help, -h       this text
  --version, -v    the version
  --check-system   checks for settings of this machine that slow or limit the server

Tools; each explains itself with --help:
  respite cli [-h HOST] [-p PORT] [COMMAND …]        sends commands, as redis-cli does
  respite check-aof [--fix] FILE | MANIFEST          checks an append-only file
  respite check-aof --rebuild-manifest MANIFEST      makes a lost manifest again
  respite check-rdb FILE                             checks a snapshot
  respite console --connect redis://HOST:PORT        serves the console of any Redis or Valkey
  respite audit --dir DIRECTORY                      compares the data with its files
  respite prove-durability --dir DIR --seconds N     kills the server again and again, and checks what is left
  respite cluster create | status | …                prepares several brokers on one log, shows their state
  respite health [PORT]                              exit code 0 when the server at that port answers

Passwords may come from the environment instead: RESPITE_REQUIREPASS.
docs/configuration.md lists every option, respite.conf explains them in a file to start from.
`

/** Settings without a config file. */
const DEFAULTS: ConfigSettings = { dir: './data', appendonly: 'yes', appendfsync: 'everysec', save: '' }

const TOOLS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  // Loaded only when it is used: a server does not need it.
  cli: async (args) => (await import('./client.ts')).runCli(args),
  cluster: async (args) => (await import('./cluster.ts')).runCluster(args),
  console: async (args) => (await import('./console.ts')).runConsole(args),
  audit: async (args) => (await import('./audit.ts')).runAudit(args),
  health: async (args) => (await import('./health.ts')).runHealth(args),
  'check-aof': runCheckAof,
  'check-rdb': runCheckRdb,
  'prove-durability': runProveDurability,
}

/** Runs the program to its end, and exits the process. `cache` holds the code of its files. */
export function run(args: readonly string[], cache: CodeCache): void {
  main(args, cache).then((code) => process.exit(code), fail)
}

/** Runs the program and returns the exit code. */
async function main(args: readonly string[], cache: CodeCache): Promise<number> {
  const first = args[0] ?? ''
  const tool = TOOLS[first]
  if (tool !== undefined) return tool(args.slice(1))
  if (first === '-h' || args.includes('--help')) return print(HELP)
  if (first === '-v' || args.includes('--version')) {
    return print(`respite ${RESPITE_VERSION} (Redis ${REDIS_VERSION}, node ${process.version})\n`)
  }
  if (first === '--check-system') return printSystemCheck()
  await serve(await withConsole(args), cache)
  return 0
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function printSystemCheck(): number {
  const checks = systemChecks(new Config())
  for (const { name, hint } of checks) print(`[${name}]...${hint === undefined ? 'OK' : `WARNING:\n${hint}`}\n`)
  return checks.every(({ hint }) => hint === undefined) ? 0 : 1
}

function systemChecks(config: Config): SystemCheck[] {
  return checkSystem({ maxclients: config.get('maxclients'), backlog: config.get('tcp-backlog') })
}

async function serve({ args, opensConsole }: Arguments, cache: CodeCache): Promise<void> {
  const commandNames = Object.values(NAMES).flatMap((names) => names.filter((name) => !name.includes('|')))
  const source = parseCommandLine(args, readConfigFile, { matchingFiles, commandNames })
  const { file, renames, users } = source
  const given = { ...secretsOf(process.env), ...source.settings }
  const config = createConfig(source.isCommandLineOnly ? { ...DEFAULTS, ...given } : given)
  showTitle(config, args, file)
  const log = new ProgramLog(config, 'standard output')
  followOomScore(config, log)
  const signals = new Signals(config, log)
  try {
    const server = await Server.start({
      config,
      log,
      renames,
      users,
      processBytes,
      ownsLoop: true,
      ...(file === undefined ? {} : { configFile: file }),
    })
    signals.serve(server)
    cache.keep()
    if (opensConsole) printConsoleLink(server.http)
    for (const { hint } of systemChecks(config)) if (hint !== undefined) log.warn({}, hint)
    await server.stopped
  } catch (error) {
    // The reason also goes to the log file; standard error has it anyway.
    if (config.get('logfile') !== '' && error instanceof Error) log.fatal({}, error.message)
    throw error
  } finally {
    await log.written()
  }
}

/** Returns the passwords in the environment: `RESPITE_REQUIREPASS` for `requirepass`. */
function secretsOf(environment: NodeJS.ProcessEnv): ConfigSettings {
  const secrets: [string, string][] = []
  for (const [called, name] of CONFIG_NAMES) {
    const value = environment[`RESPITE_${called.toUpperCase().replaceAll('-', '_')}`]
    if (value !== undefined && configRow(name).secret) secrets.push([name, value])
  }
  return Object.fromEntries(secrets)
}

/** Names the option, not a line: the user has written none. */
function describeOption({ name, reason }: WrongOption): string {
  if (reason !== undefined) return `the option '--${name}' cannot be taken: ${reason}`
  const nearest = nearestName(name, CONFIG_NAMES.keys())
  return `there is no option '--${name}'${nearest === undefined ? '; docs/configuration.md lists the options' : `: did you mean '--${nearest}'?`}`
}

/** Prints why there is no server, and exits. */
function fail(error: unknown): never {
  if (error instanceof ConfigFileError) {
    process.stderr.write(
      error.option === undefined ? `\n${error.message}\n` : `respite: ${describeOption(error.option)}\n`,
    )
    process.exit(1)
  }
  // An error that the user can correct is one line; any other is our bug, with a stack trace.
  const expected = [OptionError, ListenError, LogError, PersistenceError, TlsError, UsersError].some(
    (kind) => error instanceof kind,
  )
  const text =
    expected || (error as NodeJS.ErrnoException).code !== undefined ? (error as Error).message : (error as Error).stack
  process.stderr.write(`respite: ${text}\n`)
  process.exit(1)
}
