// Configuration as text: redis.conf files and the command line. config-rewrite.ts is CONFIG
// REWRITE.
//
// A file has one directive a line: a name and its words, quoted where they have blanks; `#` begins
// a comment line. A command line is the same in another spelling (`--save 60 100`), as if it stood
// at the end of the file. So it wins, or adds to a setting that is made of several lines (`save`).
//
// A directive that redis-server refuses is refused in its words. Nothing here touches a disk: the
// caller hands in a way to read files.

import { REASONS } from '../acl/rule-error.ts'
import { splitInline } from '../protocol/inline-words.ts'
import { itemAt } from '../util/array-reads.ts'
import { quoted } from '../util/bytes/quoted.ts'
import { CONFIG_NAMES, Config, ConfigError, type ConfigName, type ConfigSettings, configRow } from './config.ts'
import { REDIS_VERSION } from './version.ts'

/**
 * A file or command line that is refused; the message is redis-server's, and says where and why.
 */
export class ConfigFileError extends Error {}

/** `rename-command FROM TO`: an empty TO removes the command. */
export type CommandRename = readonly [from: string, to: string]

export interface ConfigSource {
  settings: ConfigSettings
  /**
   * The file named on the command line, as it was written; undefined when there is none, or it is
   * `-`.
   */
  file: string | undefined
  /** In the order in which they were asked for. */
  renames: readonly CommandRename[]
  /**
   * The `user` lines, in order: a name, then rules. The rules are parsed where the commands are
   * known.
   */
  users: readonly (readonly string[])[]
  /** True when neither a file nor standard input was read. */
  isCommandLineOnly: boolean
}

/** Reads a file's text; `-` is standard input. May throw. */
export type ReadFile = (path: string) => string

export interface ConfigSurroundings {
  /** Returns the files that an `include` with * ? or [ means, in order. */
  matchingFiles?: (pattern: string) => readonly string[]
  /** Names of the commands that may be renamed, in lower case. */
  commandNames?: Iterable<string>
}

/** Included files may include others; a ring of them ends here. */
const INCLUDE_DEPTH_MAX = 16

/** Directives of old versions: accepted, with one word, and ignored. */
const FORGOTTEN: readonly string[] = ['list-max-ziplist-entries', 'list-max-ziplist-value', 'lua-replicate-commands']

const BAD_DIRECTIVE = 'Bad directive or wrong number of arguments'

/**
 * Reads a command line: `[config-file] [--option value …]… [-]`, options as redis-server names
 * them.
 *
 * `--save ""` and a bare `--save` turn a setting off; `--save 60 100` has several words. Throws
 * ConfigFileError.
 */
export function parseCommandLine(
  args: readonly string[],
  readFile: ReadFile,
  surroundings: ConfigSurroundings = {},
): ConfigSource {
  const hasFile = args.length > 0 && !itemAt(args, 0).startsWith('-')
  const file = hasFile ? itemAt(args, 0) : undefined
  let text = file === undefined ? '' : readWhole(file, readFile)
  const options: string[] = []
  /** The option that still waits for its first word, which may look like an option itself. */
  let waiting = false
  let fromInput = false
  for (let i = hasFile ? 1 : 0; i < args.length; i++) {
    const arg = itemAt(args, i)
    if (arg === '-' && (i === 0 || i === args.length - 1)) {
      fromInput = true
    } else if (waiting || !(arg.startsWith('--') || arg === '-p')) {
      if (options.length === 0) options.push('')
      options.push(`${options.pop()}${quoted(arg)} `)
      waiting = false
    } else {
      const option = arg === '-p' ? 'port' : arg.slice(2)
      const isBareSave =
        option.toLowerCase() === 'save' && (args[i + 1] === undefined || itemAt(args, i + 1).startsWith('--'))
      options.push(isBareSave ? `${option} ""` : `${option} `)
      waiting = !isBareSave && !/\s\S/.test(arg)
    }
  }
  if (fromInput) text = join(text, readWhole('-', readFile))
  const reader = new Reader(readFile, surroundings)
  reader.read(options.length === 0 ? text : `${text}\n${options.join('\n')}`)
  return { ...reader.result(), file, isCommandLineOnly: file === undefined && !fromInput }
}

/** Reads the text of a config file. Throws ConfigFileError. */
export function parseConfigFile(
  text: string,
  readFile: ReadFile,
  surroundings: ConfigSurroundings = {},
): ConfigSettings {
  const reader = new Reader(readFile, surroundings)
  reader.read(text)
  return reader.result().settings
}

function readWhole(path: string, readFile: ReadFile): string {
  try {
    return readFile(path)
  } catch (error) {
    throw new ConfigFileError(`Fatal error, can't open config file '${path}': ${(error as Error).message}`)
  }
}

/** The last line of the first text may lack its end. */
function join(first: string, second: string): string {
  return first === '' || first.endsWith('\n') ? first + second : `${first}\n${second}`
}

/** Gathers settings from lines, in order; later ones win, and each is checked as it comes. */
class Reader {
  readonly #texts = new Map<ConfigName, string>()
  readonly #config = new Config()
  readonly #renames: CommandRename[] = []
  readonly #users: (readonly string[])[] = []
  readonly #readFile: ReadFile
  readonly #matchingFiles: (pattern: string) => readonly string[]
  /** Undefined = any name that is renamed is taken for a command. */
  readonly #commandNames: Set<string> | undefined

  constructor(readFile: ReadFile, { matchingFiles, commandNames }: ConfigSurroundings) {
    this.#readFile = readFile
    this.#matchingFiles = matchingFiles ?? (() => [])
    this.#commandNames = commandNames === undefined ? undefined : new Set(commandNames)
  }

  /** Throws ConfigFileError for settings that contradict each other. */
  result(): Pick<ConfigSource, 'settings' | 'renames' | 'users'> {
    if (this.#config.get('cluster-enabled') && this.#config.get('replicaof') !== '') {
      throw new ConfigFileError(
        `*** FATAL CONFIG FILE ERROR (Redis ${REDIS_VERSION}) ***\nreplicaof directive not allowed in cluster mode`,
      )
    }
    return { settings: Object.fromEntries(this.#texts), renames: this.#renames, users: this.#users }
  }

  /** `included` is the file of the lines, where that is not the one the user named. */
  read(text: string, included?: string, depth = 0): void {
    const lines = text.split('\n')
    for (let i = 0; i < lines.length; i++) {
      const line = trimLine(itemAt(lines, i))
      if (line === '' || line.startsWith('#')) continue
      try {
        this.#readLine(line, depth)
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        const file = included === undefined ? 'the configuration file' : `the included file '${included}'`
        throw new ConfigFileError(
          `*** FATAL CONFIG FILE ERROR (Redis ${REDIS_VERSION}) ***\nReading ${file}, at line ${i + 1}\n>>> '${line}'\n${error.message}`,
        )
      }
    }
  }

  /** Throws ConfigError, which says why, or ConfigFileError, which also says where. */
  #readLine(line: string, depth: number): void {
    const words = splitInline(line)
    if (words === undefined) throw new ConfigError('Unbalanced quotes in configuration line')
    const [first = '', ...values] = words
    const directive = first.toLowerCase()
    const name = CONFIG_NAMES.get(directive)
    if (name !== undefined) this.#set(name, values)
    else if (directive === 'include' && values.length === 1) this.#include(itemAt(values, 0), depth)
    else if (directive === 'rename-command' && values.length === 2) this.#rename(itemAt(values, 0), itemAt(values, 1))
    else if (directive === 'user' && values.length > 0) this.#user(values)
    else if (directive === 'loadmodule' && values.length > 0) throw new ConfigError('modules are not supported')
    else if (directive === 'sentinel') throw new ConfigError('sentinel directive while not in sentinel mode')
    else if (directive.includes('.')) {
      throw new ConfigError(values.length === 1 ? 'modules are not supported' : 'Module config specified without value')
    } else if (!FORGOTTEN.includes(directive) || values.length !== 1) throw new ConfigError(BAD_DIRECTIVE)
  }

  #set(name: ConfigName, values: readonly string[]): void {
    const row = configRow(name)
    if (!row.words && values.length !== 1) throw new ConfigError('wrong number of arguments')
    let text = values.join(' ')
    const before = this.#texts.get(name)
    if (row.lines && before !== undefined && before !== '' && text !== '') text = `${before} ${text}`
    this.#config.set(name, text)
    this.#texts.set(name, text)
  }

  #include(path: string, depth: number): void {
    if (depth >= INCLUDE_DEPTH_MAX) throw new ConfigError('files include each other too deeply')
    const files = /[*?[]/.test(path) ? this.#matchingFiles(path) : [path]
    for (const file of files) this.read(readWhole(file, this.#readFile), file, depth + 1)
  }

  #rename(from: string, to: string): void {
    const names = this.#commandNames
    const [old, called] = [from.toLowerCase(), to.toLowerCase()]
    if (names !== undefined) {
      if (!names.delete(old)) throw new ConfigError('No such command in rename-command')
      if (names.has(called)) throw new ConfigError('Target command name already exists')
      if (called !== '') names.add(called)
    }
    this.#renames.push([old, called])
  }

  #user(words: readonly string[]): void {
    if (this.#users.some(([name]) => name === words[0])) {
      throw new ConfigError(`Error in user declaration '${words[0]}': ${REASONS.duplicateUser}`)
    }
    this.#users.push(words)
  }
}

/** Removes the characters that redis-server takes for blank, at both ends. */
export function trimLine(line: string): string {
  return line.replace(/^[ \t\r]+|[ \t\r]+$/g, '')
}
