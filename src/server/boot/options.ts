// The options that a program passes: ours, and settings by their names in redis.conf.
//
// All are checked before anything starts: that each name is known, that each value is of its kind,
// and that nothing is set in two ways.

import { CONFIG_NAMES, Config, ConfigError, type ConfigName, type ConfigSettings } from '../../config/config.ts'
import { nearestName } from '../../util/bytes/nearest-name.ts'
import { OptionError } from '../../util/option-error.ts'

export { OptionError } from '../../util/option-error.ts'

/** Settings under redis.conf's names, with JavaScript types. */
export type Settings = Partial<Record<ConfigName, string | number | boolean>>

/** The kind of an option, and the values it accepts. */
export interface OptionKind {
  /** A description, for the error on a wrong value. */
  readonly what: string
  accepts(value: unknown): boolean
  /** The setting that this option stands for. */
  readonly setting?: ConfigName
}

export const anyText = { what: 'a string', accepts: (value: unknown) => typeof value === 'string' }
export const yesNo = { what: 'true or false', accepts: (value: unknown) => typeof value === 'boolean' }
export const port = {
  what: 'a number from 0 to 65535, or false',
  accepts: (value: unknown) =>
    value === false || (Number.isInteger(value) && Number(value) >= 0 && Number(value) < 65536),
}
export const anyObject = { what: 'an object', accepts: (value: unknown) => typeof value === 'object' && value !== null }
export const anyHost = {
  what: 'a string, or several in an array',
  accepts: (value: unknown) => (Array.isArray(value) ? value.every(anyText.accepts) : anyText.accepts(value)),
}
export const anyArray = { what: 'an array', accepts: (value: unknown) => Array.isArray(value) }
export const logger = {
  what: 'an object with debug, info, warn, error and fatal, as a pino logger is',
  accepts: (value: unknown) =>
    anyObject.accepts(value) &&
    ['debug', 'info', 'warn', 'error', 'fatal'].every(
      (level) => typeof (value as Record<string, unknown>)[level] === 'function',
    ),
}

export function oneOf(...words: readonly string[]): OptionKind {
  return {
    what: words.map((word) => `'${word}'`).join(' or '),
    accepts: (value) => typeof value === 'string' && words.includes(value),
  }
}

/** The options of servers and brokers alike. */
export const DATA_OPTIONS = {
  dir: { ...anyText, setting: 'dir' },
  appendonly: { ...yesNo, setting: 'appendonly' },
  appendfsync: { ...oneOf('always', 'everysec', 'no'), setting: 'appendfsync' },
  config: anyObject,
  log: logger,
} as const satisfies Record<string, OptionKind>

interface DataOptions {
  dir?: string
  config?: Settings
}

/**
 * Returns a copy of the options, with inherited fields, so that all readers see the same. Undefined
 * counts as absent. Throws OptionError for an unknown name, or a value of another kind.
 */
export function takeOptions<T extends object>(
  given: T,
  kinds: Readonly<Record<string, OptionKind>>,
  within = '',
): Readonly<T> {
  if (!anyObject.accepts(given)) throw new OptionError('options: an object')
  for (const name of namesIn(given)) {
    if (!Object.hasOwn(kinds, name)) throw unknownOption(name, Object.keys(kinds), within)
  }
  const taken: Record<string, unknown> = {}
  for (const [name, kind] of Object.entries(kinds)) {
    const value: unknown = (given as Record<string, unknown>)[name]
    if (value === undefined) continue
    if (!kind.accepts(value)) throw new OptionError(`option '${within}${name}': ${kind.what}`)
    taken[name] = value
  }
  return taken as T
}

/** The names of an object's fields, with inherited ones. */
function namesIn(given: object): string[] {
  const names: string[] = []
  for (const name in given) names.push(name)
  return names
}

/**
 * Turns options into the text of a config file. `defaults` apply to settings that are not given.
 *
 * Throws OptionError for an unknown setting, and for one that is given both as an option and in
 * `config`.
 */
export function settingsOf(
  options: DataOptions,
  kinds: Readonly<Record<string, OptionKind>>,
  defaults: Settings,
): ConfigSettings {
  const said = new Map<ConfigName, string>()
  const config: Readonly<Record<string, unknown>> = options.config ?? {}
  for (const name of namesIn(config)) {
    const value = config[name]
    if (value === undefined) continue
    const known = Config.resolve(name)
    if (known === undefined) throw unknownOption(name, CONFIG_NAMES.keys())
    said.set(known, textOf(value))
  }
  for (const [name, value] of Object.entries(options)) {
    const setting = kinds[name]?.setting
    if (setting === undefined || value === undefined) continue
    const text = textOf(kinds[name]?.accepts === port.accepts && value === false ? 0 : value)
    const other = said.get(setting)
    if (other !== undefined && other !== text) {
      throw new OptionError(`option '${name}': it says ${text}, and '${setting}' in 'config' says ${other}`)
    }
    said.set(setting, text)
  }
  const texts = Object.entries(defaults).map(([name, value]) => [name, textOf(value)] as const)
  return Object.fromEntries([...texts, ...said])
}

/** A value as text of a config file. */
function textOf(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return Array.isArray(value) ? value.join(' ') : String(value)
}

/** An error that names the right place, or the probable name, of an option. */
function unknownOption(name: string, known: Iterable<string>, within = ''): OptionError {
  const names = [...known]
  const nearest = nearestName(name, names)
  const meant =
    nearest !== undefined
      ? `: did you mean '${within}${nearest}'?`
      : names.includes('config') && Config.resolve(name) !== undefined
        ? ": settings of redis.conf belong in 'config'"
        : ''
  return new OptionError(`unknown option '${within}${name}'${meant}`)
}

/** Makes the configuration. Throws OptionError for an invalid value. */
export function createConfig(settings: ConfigSettings): Config {
  try {
    return new Config(settings)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new OptionError(`option '${error.option}': ${error.message}`)
  }
}
