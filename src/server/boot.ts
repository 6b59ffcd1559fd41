// An engine with everything around it but sockets: its commands, its log, its journal, its snapshots.
//
// Shared by the server and by the broker inside a program.

import fs from 'node:fs'
import path from 'node:path'
import { channelsOf } from '../channels/channels.ts'
import { commands } from '../commands/index.ts'
import type { Checkpoint } from '../engine/checkpoints.ts'
import { Config, ConfigError, type ConfigName, type ConfigSettings } from '../engine/config.ts'
import { Engine } from '../engine/engine.ts'
import type { ShutdownOptions } from '../engine/engine-host.ts'
import type { Log } from '../engine/log.ts'
import { BackgroundSaving } from '../persistence/background-saving.ts'
import { ClaimedDirectories } from '../persistence/claimed-directories.ts'
import { DirectoryInUseError } from '../persistence/directory-lock.ts'
import { systemDisk } from '../persistence/disk.ts'
import { describeDiskError } from '../persistence/errors.ts'
import { loadSnapshot } from '../persistence/load-snapshot.ts'
import { openJournal } from '../persistence/open-journal.ts'
import { scriptsOf } from '../scripting/scripts.ts'
import { loadUsers } from './load-users.ts'

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

export interface BootOptions {
  /** Whether, without an append-only file, a snapshot in the directory is loaded. */
  snapshot?: 'loaded' | 'ignored'
  /** Users that the configuration names: a name, then rules. */
  users?: readonly (readonly string[])[] | undefined
  /** See EngineOptions. */
  processBytes?: (() => number) | undefined
  /** The engine of which this one is a branch: it has its settings, users and functions, and begins with its data. */
  branchOf?: { engine: Engine; checkpoint: Checkpoint } | undefined
}

export class Boot {
  readonly engine: Engine
  readonly #loads: boolean
  readonly #claims: ClaimedDirectories
  #saving: BackgroundSaving | undefined = undefined
  /** Files are being read, and may be changed. */
  #isLoading = false

  constructor(
    config: Config,
    log: Log | undefined,
    { branchOf, processBytes, snapshot = 'loaded', users = [] }: BootOptions = {},
  ) {
    this.#loads = config.get('appendonly') || snapshot === 'loaded'
    this.engine = new Engine({
      commands,
      config,
      ...(log === undefined ? {} : { log }),
      ...(processBytes === undefined ? {} : { processBytes }),
      // What is filed by hash stays where it is.
      ...(branchOf === undefined ? {} : { clock: branchOf.engine.clock, hashKey: branchOf.engine.dataset.hashKey }),
    })
    // Before anybody can ask.
    try {
      loadUsers(this.engine, users)
    } catch (error) {
      this.engine.stop()
      throw error
    }
    // From the beginning on: the files may hold functions.
    scriptsOf(this.engine)
    channelsOf(this.engine)
    if (branchOf !== undefined) this.#beginWith(branchOf.engine, branchOf.checkpoint)
    config.onChange('appendonly', () => {
      if (this.#saving === undefined) throw new ConfigError("can't be turned on or off while the data is loaded")
    })
    config.onChange('dir', refuseMissing)
    // Whoever connects before `load` is done hears LOADING.
    if (this.#loads) this.engine.loading.begin()
    this.#claims = new ClaimedDirectories(this.engine, () => this.#saving?.disown())
  }

  #beginWith({ scripts, users }: Engine, checkpoint: Checkpoint): void {
    const { engine } = this
    engine.users.replaceAll(new Map(users.sorted().map((user) => [user.name, user.copy(users.ruleContext)])))
    engine.scripts.addLibraries([...scripts.libraries()], 'append')
    engine.checkpoints.beginWith(checkpoint)
  }

  /** Loads what the directory holds and, where there is an append-only file, goes on appending to it. Throws PersistenceError. */
  async load(): Promise<Loaded> {
    await this.#claim()
    this.#isLoading = true
    try {
      return await this.#load()
    } finally {
      this.#isLoading = false
    }
  }

  async #load(): Promise<Loaded> {
    const { engine } = this
    const { config } = engine
    const claims = this.#claims
    if (!this.#loads) {
      this.#saving = new BackgroundSaving(engine, { claims })
      return { keys: 0, bytes: 0, milliseconds: 0 }
    }
    if (config.get('appendonly')) {
      const aof = await openJournal(engine)
      const { bytes, milliseconds } = aof.loaded
      const keys = countKeys(engine)
      this.#saving = new BackgroundSaving(engine, { aof, claims, keysLoaded: keys })
      return { keys, bytes, milliseconds }
    }
    const loaded = await loadSnapshot(engine)
    engine.loading.end()
    await this.#tellOfUnloaded()
    const keys = countKeys(engine)
    this.#saving = new BackgroundSaving(engine, { claims, keysLoaded: keys, keysExpired: loaded?.keysExpired ?? 0 })
    return { keys, bytes: loaded?.bytes ?? 0, milliseconds: loaded?.milliseconds ?? 0 }
  }

  /** Claims the directory for whoever is going to write there. Who might do so only when asked to claims it then. */
  async #claim(): Promise<void> {
    const { config, log } = this.engine
    const isLogged = config.get('appendonly')
    if (!isLogged && config.get('save').length === 0) return
    try {
      await this.#claims.claim(config.get('dir'))
    } catch (error) {
      // Without an append-only file what is there can be loaded and served even where nothing can be written.
      if (isLogged || error instanceof DirectoryInUseError) throw error
      log.warn({ error }, 'snapshots cannot be saved')
    }
  }

  async #tellOfUnloaded(): Promise<void> {
    const { config, log } = this.engine
    const directory = path.join(config.get('dir'), config.get('appenddirname'))
    if (!(await systemDisk.exists(path.join(directory, `${config.get('appendfilename')}.manifest`)))) return
    log.warn({ directory }, 'there are append-only files, which are not loaded: appendonly is no')
  }

  /**
   * Makes the snapshot that an ending server owes; false when it could not be made. Nobody is served from then on: call
   * `goOn` if the server does not end after all.
   */
  saveAtEnd(save: ShutdownOptions['save']): Promise<boolean> {
    const { engine } = this
    const saving = this.#saving
    const isWanted = save === 'save' || (save === 'default' && engine.config.get('save').length > 0)
    if (!isWanted || saving === undefined) return Promise.resolve(true)
    engine.log.info({}, 'Saving the final RDB snapshot before exiting.')
    engine.pause.begin('all', Number.MAX_SAFE_INTEGER)
    return new Promise((resolve) => saving.save(resolve))
  }

  goOn(): void {
    this.engine.pause.end()
  }

  /** Ends every connection that is still there, then makes everything durable. Throws what the disk says. */
  async close(): Promise<void> {
    this.engine.stop()
    if (this.#saving?.journal !== undefined) this.engine.log.info({}, 'Calling fsync() on the AOF file.')
    try {
      await this.#saving?.close()
    } finally {
      // A load that nobody waits for any more goes on to the end of the process, which gives the directory back.
      if (!this.#isLoading) await this.#claims.release()
    }
  }
}

/** CONFIG SET dir: as redis-server, which goes there at once. Throws ConfigError. */
function refuseMissing(directory: string): void {
  let isDirectory: boolean
  try {
    isDirectory = fs.statSync(directory).isDirectory()
  } catch (error) {
    throw new ConfigError(describeDiskError(error))
  }
  if (!isDirectory) throw new ConfigError('Not a directory')
}

function countKeys(engine: Engine): number {
  let keys = 0
  for (const db of engine.databases) keys += db.keys.count
  return keys
}

/** Where the data lives, for people. */
export function describeData(config: Config): string {
  if (!config.get('appendonly')) {
    return config.get('save').length === 0
      ? 'in memory only'
      : path.resolve(config.get('dir'), config.get('dbfilename'))
  }
  return path.resolve(config.get('dir'), config.get('appenddirname'))
}
