// The configuration: one table, from which CONFIG, the config file, the command
// line and docs/configuration.md are made.
//
// A row knows how its value is read and printed. Values are typed by their row:
// `config.get('databases')` is a number.

import { CONFIG_TABLE, type ConfigRow } from './config-table.ts'

export type ConfigName = keyof typeof CONFIG_TABLE
export type ConfigValue<N extends ConfigName> = (typeof CONFIG_TABLE)[N] extends ConfigRow<infer T> ? T : never

/** A setting that cannot be taken; `message` is what Redis appends after the option's name. */
export class ConfigError extends Error {}

export class Config {
  readonly #values: Record<string, unknown> = {}
  readonly #listeners = new Map<string, ((value: unknown) => void)[]>()

  /** Starts from the defaults; `settings` are texts as in a config file. Throws ConfigError. */
  constructor(settings: Readonly<Partial<Record<ConfigName, string>>> = {}) {
    for (const [name, row] of Object.entries(CONFIG_TABLE)) this.#values[name] = row.default
    for (const [name, text] of Object.entries(settings)) this.set(name as ConfigName, text)
  }

  get<N extends ConfigName>(name: N): ConfigValue<N> {
    return this.#values[name] as ConfigValue<N>
  }

  /** Returns the value as CONFIG GET prints it. */
  text(name: ConfigName): string {
    return row(name).format(this.#values[name])
  }

  /** Reads and takes a value, then tells the listeners. Throws ConfigError; nothing is changed then. */
  set(name: ConfigName, text: string): void {
    this.#values[name] = row(name).parse(text, this.#values[name])
    for (const listener of this.#listeners.get(name) ?? []) listener(this.#values[name])
  }

  /** Checks a value without taking it. Throws ConfigError. */
  check(name: ConfigName, text: string): void {
    row(name).parse(text, this.#values[name])
  }

  /** Calls `listener` with the new value after each change. It may throw ConfigError to refuse. */
  onChange<N extends ConfigName>(name: N, listener: (value: ConfigValue<N>) => void): void {
    const listeners = this.#listeners.get(name) ?? []
    listeners.push(listener as (value: unknown) => void)
    this.#listeners.set(name, listeners)
  }

  /** Finds a name in any case, aliases included. */
  static resolve(name: string): ConfigName | undefined {
    const lower = name.toLowerCase()
    if (Object.hasOwn(CONFIG_TABLE, lower)) return lower as ConfigName
    for (const [canonical, { alias }] of Object.entries(CONFIG_TABLE))
      if (alias === lower) return canonical as ConfigName
    return undefined
  }
}

function row(name: ConfigName): ConfigRow<unknown> {
  return CONFIG_TABLE[name] as ConfigRow<unknown>
}
