// The configuration: one table, from which CONFIG, the config file, the command
// line and docs/configuration.md are made.
//
// A row knows how its value is read and printed. Values are typed by their row:
// `config.get('databases')` is a number.

import { ConfigError, type ConfigRow } from './config-kinds.ts'
import { CONFIG_TABLE } from './config-table.ts'

export { ConfigError } from './config-kinds.ts'

export type ConfigName = keyof typeof CONFIG_TABLE
export type ConfigValue<N extends ConfigName> = (typeof CONFIG_TABLE)[N] extends ConfigRow<infer T> ? T : never
/** Settings as texts, as a config file has them. */
export type ConfigSettings = Readonly<Partial<Record<ConfigName, string>>>

type Listener = (value: unknown) => void

const DEFAULTS = Object.fromEntries(Object.entries(CONFIG_TABLE).map(([name, row]) => [name, row.default]))

export class Config {
  readonly #values: Record<string, unknown> = { ...DEFAULTS }
  readonly #listeners = new Map<string, Listener[]>()
  /** Settings without effect that the log has named. */
  readonly #reported = new Set<ConfigName>()

  /** Starts from the defaults; `settings` are texts as in a config file. Throws ConfigError. */
  constructor(settings: ConfigSettings = {}) {
    for (const [name, text] of Object.entries(settings)) this.set(name as ConfigName, text)
  }

  get<N extends ConfigName>(name: N): ConfigValue<N> {
    return this.#values[name] as ConfigValue<N>
  }

  /** Returns the value as CONFIG GET prints it. */
  text(name: ConfigName): string {
    return configRow(name).format(this.#values[name])
  }

  /** Tells whether a setting has its default value. */
  isDefault(name: ConfigName): boolean {
    const row = configRow(name)
    return row.format(row.default) === this.text(name)
  }

  /** The settings that do not have their default values. */
  changed(): ConfigSettings {
    const names = (Object.keys(CONFIG_TABLE) as ConfigName[]).filter((name) => !this.isDefault(name))
    return Object.fromEntries(names.map((name) => [name, this.text(name)]))
  }

  /**
   * Reads and takes a value, then tells the listeners. Throws ConfigError; then nothing is changed.
   */
  set(name: ConfigName, text: string): void {
    this.setAll([[name, text]])
  }

  /**
   * Takes all of several values or none: when a row or a listener refuses one, the others go back.
   */
  setAll(settings: readonly (readonly [ConfigName, string])[]): void {
    const before = new Map<ConfigName, unknown>()
    const told: ConfigName[] = []
    let current: ConfigName | undefined
    try {
      for (const [name, text] of settings) {
        current = name
        const value = configRow(name).parse(text, this.#values[name])
        if (!before.has(name)) before.set(name, this.#values[name])
        this.#values[name] = value
      }
      for (const name of before.keys()) {
        current = name
        told.push(name)
        this.#tell(name)
      }
    } catch (error) {
      for (const [name, value] of before) this.#values[name] = value
      if (error instanceof ConfigError) {
        // The listener that refused has changed nothing; those before it go back.
        for (const name of told.slice(0, -1)) this.#tell(name)
        error.option = current
      }
      throw error
    }
  }

  /**
   * Returns those of the settings that were set but have no effect here; each once in the life of a
   * configuration.
   */
  reportInert(names: Iterable<ConfigName>): ConfigName[] {
    const found = new Set<ConfigName>()
    for (const name of names) {
      if (configRow(name).inert && !this.isDefault(name) && !this.#reported.has(name)) found.add(name)
    }
    for (const name of found) this.#reported.add(name)
    return [...found]
  }

  #tell(name: ConfigName): void {
    const listeners = this.#listeners.get(name)
    if (listeners !== undefined) for (const listener of listeners) listener(this.#values[name])
  }

  /** Checks a value without taking it. Throws ConfigError. */
  check(name: ConfigName, text: string): void {
    configRow(name).parse(text, this.#values[name])
  }

  /** Calls `listener` with the new value after each change. It may throw ConfigError to refuse. */
  onChange<N extends ConfigName>(name: N, listener: (value: ConfigValue<N>) => void): void {
    const listeners = this.#listeners.get(name) ?? []
    listeners.push(listener as Listener)
    this.#listeners.set(name, listeners)
  }

  /** Finds a name in any case, aliases included. */
  static resolve(name: string): ConfigName | undefined {
    return CONFIG_NAMES.get(name.toLowerCase())
  }
}

/** Every name of a setting, old names included → the setting; in the table's order. */
export const CONFIG_NAMES: ReadonlyMap<string, ConfigName> = new Map(
  Object.entries(CONFIG_TABLE).flatMap(([name, { alias }]: [string, { alias?: string }]) => {
    const own: [string, ConfigName] = [name, name as ConfigName]
    return alias === undefined ? [own] : [own, [alias, name as ConfigName] as [string, ConfigName]]
  }),
)

/** Returns a setting's row of the table. */
export function configRow(name: ConfigName): ConfigRow<unknown> {
  return CONFIG_TABLE[name] as ConfigRow<unknown>
}
