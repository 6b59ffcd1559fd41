// Configuration as text: redis.conf files, the command line, and CONFIG REWRITE.
//
// A file has one directive a line: a name and its words, quoted where they hold
// blanks; `#` begins a comment line. A command line is the same in another
// spelling (`--save 60 100`), as if it stood at the end of the file: so it wins,
// or adds to a setting that is made of several lines (`save`). Nothing here touches
// a disk: whoever calls hands in a way to read files.

import { REASONS } from '../acl/rule-error.ts'
import { splitInline } from '../protocol/request-parser.ts'
import { CONFIG_NAMES, Config, ConfigError, type ConfigName, type ConfigSettings, configRow } from './config.ts'

/** A file or command line that cannot be taken; the message says where and why, in one line. */
export class ConfigFileError extends Error {}

export interface ConfigSource {
  settings: ConfigSettings
  /** What `user` lines say, in order: a name, then rules. */
  users?: readonly (readonly string[])[]
  /** The file named on the command line, as it was written; undefined when there is none, or it is `-`. */
  file: string | undefined
}

/** Reads a file's text; `-` is standard input. May throw. */
export type ReadFile = (path: string) => string

/** The directive that makes a user: not a setting, as there may be any number of them. */
const USER = 'user'

/** Included files may include others; a ring of them ends here. */
const INCLUDE_DEPTH_MAX = 16

/** Directives of redis-server that change what a server promises: taking them silently would be a lie. */
const NOT_SUPPORTED: Readonly<Record<string, string>> = {
  'rename-command': 'renaming commands is not supported',
  loadmodule: 'modules are not supported',
  replicaof: 'replication is not supported yet',
  slaveof: 'replication is not supported yet',
  masterauth: 'replication is not supported yet',
  masteruser: 'replication is not supported yet',
}

/**
 * Reads a command line: `[config-file] [--option value …]…`, options as redis-server names them.
 *
 * `--save ""` and a bare `--save` turn a setting off; `--save 60 100` has several words. Throws ConfigFileError.
 */
export function parseCommandLine(args: readonly string[], readFile: ReadFile): ConfigSource {
  const settings = new Settings()
  let at = 0
  let file: string | undefined
  if (args.length > 0 && !args[0]!.startsWith('--')) {
    at = 1
    const path = args[0]!
    readInto(settings, path, readFile, 0)
    if (path !== '-') file = path
  }
  while (at < args.length) {
    const option = args[at]!
    if (!option.startsWith('--') || option.length === 2) {
      throw new ConfigFileError(`'${option}': options begin with --`)
    }
    const words: string[] = []
    for (at++; at < args.length && !args[at]!.startsWith('--'); at++) words.push(args[at]!)
    settings.add(option.slice(2), words, `--${option.slice(2)}`)
  }
  return { settings: settings.texts(), ...(settings.users.length === 0 ? {} : { users: settings.users }), file }
}

/** Reads the text of a config file. `name` is what errors call it. Throws ConfigFileError. */
export function parseConfigFile(text: string, name: string, readFile: ReadFile): ConfigSettings {
  const settings = new Settings()
  readText(settings, text, name, readFile, 0)
  return settings.texts()
}

function readInto(settings: Settings, path: string, readFile: ReadFile, depth: number): void {
  let text: string
  try {
    text = readFile(path)
  } catch (error) {
    throw new ConfigFileError(`cannot read the config file '${path}': ${(error as Error).message}`)
  }
  readText(settings, text, path === '-' ? 'standard input' : path, readFile, depth)
}

function readText(settings: Settings, text: string, name: string, readFile: ReadFile, depth: number): void {
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trim()
    if (line === '' || line.startsWith('#')) continue
    const where = `${name}, line ${i + 1}: '${line}'`
    const words = splitInline(line)
    if (words === undefined) throw new ConfigFileError(`${where}: unbalanced quotes`)
    const [directive = '', ...values] = words
    if (directive.toLowerCase() === 'include') {
      if (values.length !== 1) throw new ConfigFileError(`${where}: include takes one file`)
      if (depth >= INCLUDE_DEPTH_MAX) throw new ConfigFileError(`${where}: files include each other too deeply`)
      readInto(settings, values[0]!, readFile, depth + 1)
    } else {
      settings.add(directive, values, where)
    }
  }
}

/** Gathers settings in order, the later winning, each checked as it comes. */
class Settings {
  readonly #texts = new Map<ConfigName, string>()
  readonly #config = new Config()
  readonly users: (readonly string[])[] = []

  add(directive: string, values: readonly string[], where: string): void {
    const lower = directive.toLowerCase()
    if (lower === USER) {
      this.#addUser(values, where)
      return
    }
    const name = CONFIG_NAMES.get(lower)
    if (name === undefined) throw new ConfigFileError(`${where}: ${NOT_SUPPORTED[lower] ?? 'unknown option'}`)
    const row = configRow(name)
    // redis-server takes a bare `--save` for `--save ""`.
    if (values.length === 0 && name !== 'save') throw new ConfigFileError(`${where}: a value is missing`)
    if (values.length > 1 && !row.words) throw new ConfigFileError(`${where}: too many values`)
    let text = values.join(' ')
    const before = this.#texts.get(name)
    if (row.lines && before !== undefined && before !== '' && text !== '') text = `${before} ${text}`
    try {
      this.#config.set(name, text)
    } catch (error) {
      if (error instanceof ConfigError) throw new ConfigFileError(`${where}: ${error.message}`)
      throw error
    }
    this.#texts.set(name, text)
  }

  /** What the rules mean is known where the commands are. */
  #addUser(words: readonly string[], where: string): void {
    if (words.length === 0) throw new ConfigFileError(`${where}: a value is missing`)
    if (this.users.some(([name]) => name === words[0])) {
      throw new ConfigFileError(`Error in user declaration '${words[0]}': ${REASONS.duplicateUser}`)
    }
    this.users.push(words)
  }

  texts(): ConfigSettings {
    return Object.fromEntries(this.#texts)
  }
}

/** Above what CONFIG REWRITE adds, so that it is written only once. */
const REWRITE_COMMENT = '# Generated by CONFIG REWRITE'

/**
 * Returns the text of a config file brought up to date with the settings in force.
 *
 * Comments, blank lines and the order stay. A line that still says what is in force stays as it was written (`1gb`), another
 * gets the new value; further lines of the same setting go. What is neither in the file nor the default is added at the end.
 * A setting of several lines (`save`) is written in as many, from its first line on, whether it is the default or not. So are
 * users, of whom `userLines` tells (`user name rule …`).
 */
export function rewriteConfigFile(text: string, config: Config, userLines: readonly string[] = []): string {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const users = userLines.map(quoteWords)
  const byName = linesByName(lines)
  const result: string[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    if (isUserLine(line)) {
      const user = users.shift()
      if (user !== undefined) result.push(user)
      continue
    }
    const name = directiveOf(line)
    if (name === undefined) {
      result.push(line)
      continue
    }
    const own = byName.get(name)!
    const { linesOf } = configRow(name)
    if (linesOf !== undefined) {
      const value = linesOf(config.get(name))[own.indexOf(i)]
      if (value !== undefined) result.push(directive(splitInline(line.trim())![0]!, name, value))
    } else if (
      saysWhatIsInForce(
        own.map((index) => lines[index]!),
        name,
        config,
      )
    )
      result.push(line)
    else if (own[0] === i) result.push(directive(splitInline(line.trim())![0]!, name, config.text(name)))
  }
  const missing = [...CONFIG_NAMES]
    .filter(([called, name]) => called === name)
    .flatMap(([, name]) => {
      const { linesOf } = configRow(name)
      const own = byName.get(name)?.length ?? 0
      if (linesOf !== undefined)
        return linesOf(config.get(name))
          .slice(own)
          .map((value) => directive(name, name, value))
      return own > 0 || config.isDefault(name) ? [] : [directive(name, name, config.text(name))]
    })
  missing.push(...users)
  if (missing.length > 0 && !lines.includes(REWRITE_COMMENT)) result.push(REWRITE_COMMENT)
  result.push(...missing)
  return result.length === 0 ? '' : `${result.join('\n')}\n`
}

function linesByName(lines: readonly string[]): Map<ConfigName, number[]> {
  const byName = new Map<ConfigName, number[]>()
  for (let i = 0; i < lines.length; i++) {
    const name = directiveOf(lines[i]!)
    if (name === undefined) continue
    const own = byName.get(name)
    if (own === undefined) byName.set(name, [i])
    else own.push(i)
  }
  return byName
}

/** The setting a line of a file is about; undefined for comments, blank lines, `include` and what is unknown. */
function directiveOf(line: string): ConfigName | undefined {
  const trimmed = line.trim()
  if (trimmed === '' || trimmed.startsWith('#')) return undefined
  const word = splitInline(trimmed)?.[0]
  return word === undefined ? undefined : CONFIG_NAMES.get(word.toLowerCase())
}

function saysWhatIsInForce(lines: readonly string[], name: ConfigName, config: Config): boolean {
  try {
    const settings = parseConfigFile(lines.join('\n'), '', () => '')
    return new Config(settings).text(name) === config.text(name)
  } catch (error) {
    if (error instanceof ConfigFileError) return false
    throw error
  }
}

function directive(called: string, name: ConfigName, value: string): string {
  const { words } = configRow(name)
  const text = words && value !== '' && !/["'\\]/.test(value) ? value : quoteWord(value)
  return `${called} ${text}`
}

/** Quotes those words of a line that would be read as something else. */
function quoteWords(line: string): string {
  return line
    .split(' ')
    .map((word) => (/["'\\\x00-\x1f\x7f]/.test(word) || word === '' ? quoteWord(word) : word))
    .join(' ')
}

function isUserLine(line: string): boolean {
  return /^\s*user\s/i.test(line)
}

/** Quotes a word where it needs it. */
function quoteWord(word: string): string {
  if (/^[!-~]+$/.test(word) && !/["'\\#]/.test(word)) return word
  let quoted = '"'
  for (const char of word) {
    const code = char.charCodeAt(0)
    if (char === '"' || char === '\\') quoted += `\\${char}`
    else if (char === '\n') quoted += '\\n'
    else if (char === '\r') quoted += '\\r'
    else if (char === '\t') quoted += '\\t'
    else if (code < 32 || code === 127) quoted += `\\x${code.toString(16).padStart(2, '0')}`
    else quoted += char
  }
  return `${quoted}"`
}
