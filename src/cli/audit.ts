// `respite audit`: does the data match its files? If a server uses the directory, it is asked
// (DEBUG AUDIT). Otherwise the files of the directory are compared with each other
// (persistence/audit/audit-directory.ts).
//
// Exit codes: 0 equal; 1 keys differ, and are named; 2 nothing could be compared, or the command
// line is invalid.

import type { Config } from '../config/config.ts'
import type { DifferenceKind } from '../engine/effects/saving.ts'
import { silentLog } from '../engine/log.ts'
import { auditDirectory, type Compared } from '../persistence/audit/audit-directory.ts'
import { DirectoryInUseError, DirectoryLock } from '../persistence/disk/directory-lock.ts'
import { systemDisk } from '../persistence/disk/disk.ts'
import { describeDiskError, PersistenceError } from '../persistence/errors.ts'
import { processTerminal, type Terminal } from '../prover/terminal.ts'
import { createConfig } from '../server/boot/options.ts'
import { emptyEngine, secondEngine } from '../server/boot/replay-engine.ts'
import { assert } from '../util/assert.ts'
import { OptionError } from '../util/option-error.ts'
import { systemClock } from '../util/time/clock.ts'
import { Connection } from './client/connection.ts'
import { type CliOptions, readOptions } from './client/options.ts'
import { pairsIn } from './client/pairs.ts'
import type { Reply } from './client/reply.ts'
import { CONNECTION_OPTIONS } from './options/cli-options.ts'
import { helpOf, optionNamed } from './options/program-option.ts'
import { wrongOption } from './options/tools.ts'
import { UsageError } from './usage-error.ts'

const HELP = `Usage: respite audit --dir DIRECTORY [--parts N] [-h HOST] [-p PORT] [--user USER] [-a PASSWORD] …

Tells whether data has changed without a command. Nothing is changed.

If a server runs on the directory, it compares its memory with its append-only file (DEBUG AUDIT) while it serves
clients: give its address as for respite cli.
If none runs, the files are compared with each other; docs/operating.md says what that can show.

  --dir DIRECTORY          the server's dir
  --parts N                compare the keys in N parts, one after the other, for a server with little memory
  --appenddirname NAME, --appendfilename NAME, --dbfilename NAME, --databases N
                           the server's settings, if they differ from the defaults
${helpOf(CONNECTION_OPTIONS)}

Exit codes: 0 equal; 1 keys differ, and are named; 2 nothing could be compared.
`

/** Options that are settings of the server. */
const SETTINGS = new Set(['dir', 'appenddirname', 'appendfilename', 'dbfilename', 'databases'])
/** The directory is read-only: it cannot be claimed, but no server can run on it either. */
const READ_ONLY = new Set(['EROFS', 'EACCES', 'EPERM'])

const IN_WORDS: Readonly<Record<DifferenceKind, string>> = {
  value: 'the value differs',
  type: 'it is of another type',
  expiry: 'it expires at another time',
  'only-in-memory': 'only in memory, not in the append-only file',
  'only-in-file': 'only in the append-only file, not in memory',
  unreadable: 'the value in memory cannot be read',
  'function-library': 'a function library that differs',
}

/** Runs `audit` with its arguments and returns the exit code. */
export async function runAudit(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  if (args.includes('--help')) {
    terminal.print(HELP.trimEnd())
    return 0
  }
  try {
    const { parts, rest, settings } = readArguments(args)
    const place = readOptions(rest, process.env)
    if (settings.dir === undefined) throw new UsageError("'--dir DIRECTORY' is missing")
    return await audit(createConfig(settings), place, parts, terminal)
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.print(`respite audit: ${error.message}\n\n${HELP.trimEnd()}`)
      return 2
    }
    const isExpected = error instanceof PersistenceError || error instanceof OptionError
    if (!isExpected && (error as NodeJS.ErrnoException).code === undefined) throw error
    terminal.print(isExpected ? error.message : describeDiskError(error))
    return 2
  }
}

interface AuditArguments {
  readonly settings: Record<string, string>
  readonly parts: string | undefined
  /** The options that `respite cli` has, too. */
  readonly rest: string[]
}

/** Throws UsageError for an unknown option, which is named with the one that was probably meant. */
function readArguments(args: readonly string[]): AuditArguments {
  const settings: Record<string, string> = {}
  const rest: string[] = []
  let parts: string | undefined
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? ''
    const name = word.startsWith('--') ? word.slice(2) : ''
    const shared = optionNamed(CONNECTION_OPTIONS, word)
    const hasValue = shared === undefined || shared.value !== undefined
    if (shared === undefined && !SETTINGS.has(name) && name !== 'parts') throw wrongOption('audit', word)
    const value = args[i + 1]
    if (hasValue && value === undefined) throw wrongOption('audit', word)
    if (shared !== undefined) rest.push(word)
    if (!hasValue) continue
    assert(value !== undefined, 'an option that lacks its value was refused')
    i++
    if (shared !== undefined) rest.push(value)
    else if (name !== 'parts') settings[name] = value
    else if (/^\d{1,4}$/.test(value)) parts = value
    else throw new UsageError(`the value of '--parts' must be a whole number of four digits at most: '${value}'`)
  }
  return { settings, parts, rest }
}

async function audit(
  config: Config,
  place: CliOptions,
  parts: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const directory = config.get('dir')
  if (!(await systemDisk.exists(directory))) {
    terminal.print(`${directory}: no such directory`)
    return 2
  }
  let lock: DirectoryLock | undefined
  try {
    const warn = (_details: object, message: string): void => terminal.print(message)
    lock = await DirectoryLock.take({
      disk: systemDisk,
      clock: systemClock,
      log: { ...silentLog, warn },
      directory,
      lost: () => {},
    })
  } catch (error) {
    if (error instanceof DirectoryInUseError) return askServer(error, place, parts, terminal)
    if (!READ_ONLY.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    terminal.print(`${directory} cannot be written to: a server could begin to use it meanwhile`)
  }
  try {
    return await compareFiles(config, terminal)
  } finally {
    await lock?.release()
  }
}

async function compareFiles(config: Config, terminal: Terminal): Promise<number> {
  const first = emptyEngine(config)
  const { compared, left } = await auditDirectory(systemDisk, config, () => secondEngine(first)).finally(() =>
    first.stop(),
  )
  for (const one of compared) tell(one, terminal)
  for (const line of left) terminal.print(`Not compared: ${line}.`)
  const isEqual = compared.every(({ differing }) => differing === 0)
  terminal.print(isEqual ? 'No difference was found.' : 'There are differences.')
  return isEqual ? 0 : 1
}

function tell({ differing, keys, named, one, other, what }: Compared, terminal: Terminal): void {
  terminal.print(`Compared ${what}: ${keys} keys, ${differing} differ.`)
  const words: Readonly<Record<DifferenceKind, string>> = {
    ...IN_WORDS,
    'only-in-memory': one,
    'only-in-file': other,
    unreadable: 'the value cannot be read',
  }
  for (const { database, key, what } of named) terminal.print(describe(database, key, words[what]))
  if (differing > named.length) terminal.print(`  and ${differing - named.length} more`)
}

/** Asks the server that holds the directory to compare its memory with its file. */
async function askServer(
  inUse: DirectoryInUseError,
  place: CliOptions,
  parts: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const where = place.socket === '' ? `${place.host}:${place.port}` : place.socket
  const refuse = (reason: string): number => {
    terminal.print(`${inUse.message}\nIt would be asked to compare, but ${reason}. Give its address with -h, -p or -s.`)
    return 2
  }
  let connection: Connection
  try {
    connection = await Connection.open(place)
  } catch (error) {
    return refuse(`there is nothing at ${where}: ${(error as Error).message}`)
  }
  try {
    if (place.password !== '') await connection.ask(['AUTH', place.user, place.password])
    const info = await connection.ask(['INFO', 'server'])
    if (isError(info)) return refuse(`${where} answers: ${textOf(info)}`)
    const pid = /^process_id:(\d+)/m.exec(textOf(info))?.[1]
    if (pid !== String(inUse.pid)) return refuse(`at ${where} there is process ${pid}`)
    terminal.print(`The server at ${where} (process ${pid}) compares its memory with its append-only file.`)
    const reply = await connection.ask(['DEBUG', 'AUDIT', ...(parts === undefined ? [] : ['PARTS', parts])])
    if (isError(reply)) {
      terminal.print(textOf(reply))
      return 2
    }
    return tellReply(reply, terminal)
  } catch (error) {
    terminal.print(`${where}: ${(error as Error).message}`)
    return 2
  } finally {
    connection.close()
  }
}

function tellReply({ items }: Reply, terminal: Terminal): number {
  const fields = new Map<string, Reply>()
  for (const [name, value] of pairsIn(items)) fields.set(textOf(name), value)
  const [keys, differingReply, namedReply] = [fields.get('keys'), fields.get('differing'), fields.get('named')]
  assert(keys !== undefined && differingReply !== undefined && namedReply !== undefined, 'DEBUG AUDIT replies these')
  const differing = Number(textOf(differingReply))
  terminal.print(`${textOf(keys)} keys were compared, ${differing} differ.`)
  const named = namedReply.items
  for (const { items: difference } of named) {
    const [database, key, what] = difference.map(textOf) as [string, string, string]
    terminal.print(describe(Number(database), key, IN_WORDS[what as DifferenceKind] ?? what))
  }
  if (differing > named.length) terminal.print(`  and ${differing - named.length} more`)
  return differing === 0 ? 0 : 1
}

function describe(database: number, key: string, what: string): string {
  const hex = (text: string): string => `\\x${text.charCodeAt(0).toString(16).padStart(2, '0')}`
  const quoted = `"${key.replace(/[^ -~]|["\\]/g, hex)}"`
  return database === -1 ? `  ${quoted}: ${what}` : `  database ${database}, key ${quoted}: ${what}`
}

const isError = ({ type }: Reply): boolean => type === '-' || type === '!'
const textOf = ({ bytes }: Reply): string => bytes.toString('latin1')
