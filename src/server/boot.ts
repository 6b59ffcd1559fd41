// An engine with everything around it but sockets: its commands, its log, its journal.
//
// Shared by the server and by the broker inside a program.

import fs from 'node:fs'
import path from 'node:path'
import { commands } from '../commands/index.ts'
import { Config, ConfigError, type ConfigName, type ConfigSettings } from '../engine/config.ts'
import { ENGINE_LOADING, Engine } from '../engine/engine.ts'
import type { Log } from '../engine/log.ts'
import { loadSnapshot } from '../persistence/load-snapshot.ts'
import { type OpenJournal, openJournal } from '../persistence/open-journal.ts'
import { scriptsOf } from '../scripting/scripts.ts'

/** Settings under redis.conf's names, in the types a program has them in. */
export type Settings = Partial<Record<ConfigName, string | number | boolean>>

/** An option that cannot be taken; the message names it. */
export class OptionError extends Error {
  override name = 'OptionError'
}

/** Turns a program's values into the texts of a config file. Throws OptionError for a name nobody knows. */
export function settingsOf(values: Settings): ConfigSettings {
  const settings: Record<string, string> = {}
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue
    const known = Config.resolve(name)
    if (known === undefined) throw new OptionError(`unknown option '${name}'`)
    settings[known] = typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)
  }
  return settings
}

/** Makes the configuration. Throws OptionError for a value that cannot be taken. */
export function createConfig(settings: ConfigSettings): Config {
  try {
    return new Config(settings)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new OptionError(`option '${error.option}': ${error.message}`)
  }
}

/** What was found on disk. */
export interface Loaded {
  keys: number
  bytes: number
  milliseconds: number
}

export class Boot {
  readonly engine: Engine
  readonly #loads: boolean
  #journal: OpenJournal | undefined = undefined

  /** `snapshot` says whether, without an append-only file, a snapshot in the directory is loaded. */
  constructor(config: Config, log: Log | undefined, snapshot: 'loaded' | 'ignored' = 'loaded') {
    this.#loads = config.get('appendonly') || snapshot === 'loaded'
    this.engine = new Engine(log === undefined ? { commands, config } : { commands, config, log })
    // From the beginning on: the files may hold functions.
    scriptsOf(this.engine)
    const appendonly = config.get('appendonly')
    config.onChange('appendonly', (wanted) => {
      if (wanted !== appendonly) throw new ConfigError("can't be turned on or off while the server runs")
    })
    // Whoever connects before `load` is done hears LOADING.
    if (this.#loads) this.engine.state |= ENGINE_LOADING
  }

  /** Loads what the directory holds and, where there is an append-only file, goes on appending to it. Throws PersistenceError. */
  async load(): Promise<Loaded> {
    const { engine } = this
    const { config } = engine
    if (!this.#loads) return { keys: 0, bytes: 0, milliseconds: 0 }
    let loaded: { bytes: number; milliseconds: number } | undefined
    if (config.get('appendonly')) {
      fs.mkdirSync(config.get('dir'), { recursive: true })
      this.#journal = await openJournal(engine)
      loaded = this.#journal.loaded
    } else {
      loaded = await loadSnapshot(engine)
      engine.state &= ~ENGINE_LOADING
    }
    let keys = 0
    for (const db of engine.databases) keys += db.keys.count
    return { keys, bytes: loaded?.bytes ?? 0, milliseconds: loaded?.milliseconds ?? 0 }
  }

  /** Ends every connection that is still there, then makes everything durable. Throws what the disk says. */
  async close(): Promise<void> {
    this.engine.stop()
    await this.#journal?.close()
  }
}

/** Where the data lives, for people. */
export function describeData(config: Config): string {
  if (!config.get('appendonly')) return 'in memory only'
  return path.resolve(config.get('dir'), config.get('appenddirname'))
}
