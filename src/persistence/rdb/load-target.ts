// Puts an RDB file's keys into the engine's databases, or into others that will take their place.

import type { LoadingProgress } from '../../engine/conditions/loading.ts'
import type { ScriptRunner } from '../../engine/requests/script-runner.ts'
import { ReplyError } from '../../protocol/errors.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Value } from '../../store/structures/value.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Clock } from '../../util/time/clock.ts'
import { RdbDamage, RdbUnsupported } from './damage.ts'
import type { KeyAttributes, RdbTarget } from './rdb-parser.ts'

/** The engine that is filled. */
export interface LoadDestination {
  readonly databases: readonly Database[]
  readonly environment: {
    readonly clock: Clock
  }
  readonly parts: {
    readonly scripts: Pick<ScriptRunner, 'loadLibrary'>
  }
}

export interface LoadOptions {
  /**
   * Whether keys whose time is up are dropped or kept. An RDB file of its own is the whole truth:
   * they are dropped. Commands after a preamble may have kept them alive: there they are kept until
   * the load is over.
   */
  expired: 'dropped' | 'kept'
  /** Is told of each key that is dropped because its time is up; the window is on loan. */
  dropped?: (db: Database, key: Bytes) => void
  /** Takes the code of a function library. Default: the engine's scripts do. */
  loadFunction?: (code: string) => void
  /**
   * Bound of the announced number of keys in a database that is believed. Default: as many as the
   * file has bytes for.
   */
  expectedKeysMax?: number
  /** Learns how much memory the snapshot's writer used. */
  progress?: Pick<LoadingProgress, 'writerMemoryBytes'>
}

export class LoadTarget implements RdbTarget {
  /** Keys put into the databases. */
  keys = 0
  /** Keys left out because their time was up. */
  expired = 0
  /** Keys left out because they have no elements, as some bugs of old servers made them. */
  withoutElements = 0
  /** The fields of the file about itself. */
  readonly auxiliaries = new Map<string, string>()
  readonly #engine: LoadDestination
  readonly #options: LoadOptions
  #db!: Database
  readonly #nowMs: number
  /** Databases whose keys are all linked. */
  #finished = 0

  constructor(engine: LoadDestination, options: LoadOptions) {
    this.#engine = engine
    this.#options = options
    this.#nowMs = options.expired === 'dropped' ? engine.environment.clock.now() : Number.NEGATIVE_INFINITY
  }

  auxiliary(name: string, value: string): void {
    this.auxiliaries.set(name, value)
    const { progress } = this.#options
    if (name === 'used-mem' && progress !== undefined) progress.writerMemoryBytes = Number(value) || 0
  }

  selectDatabase(index: number): Database {
    const { databases } = this.#engine
    const db = databases[index]
    if (db === undefined) {
      throw new RdbUnsupported(`it has keys in database ${index}, and 'databases' is ${databases.length}`)
    }
    this.#db = db
    return db
  }

  expect(keys: number): void {
    this.#db.keys.fill(Math.min(keys, this.#options.expectedKeysMax ?? keys))
  }

  finish(): boolean {
    const { databases } = this.#engine
    for (; this.#finished < databases.length; this.#finished++) {
      const db = itemAt(databases, this.#finished)
      if (db.keys.isFilling) {
        link(db)
        return false
      }
      if (!db.keys.trim()) return false
    }
    return true
  }

  string(key: Bytes, value: Bytes, owned: boolean, attributes: KeyAttributes): void {
    if (CHECKED && owned) assert(ownsSource(value), 'invariant 15: a string that keeps its source has it for itself')
    if (this.#isExpired(key, attributes)) return
    this.#refuseIfThere(key)
    this.#describe(this.#db.insertString(key, value, owned), attributes)
  }

  structure(key: Bytes, value: Value, attributes: KeyAttributes): void {
    if (this.#isExpired(key, attributes)) {
      value.free()
      return
    }
    try {
      this.#refuseIfThere(key)
    } catch (error) {
      value.free()
      throw error
    }
    this.#describe(this.#db.insertStructure(key, value), attributes)
  }

  /**
   * Throws RdbDamage when the key came before. As long as the file has no more keys than it
   * announced, a second one is found at the end.
   */
  #refuseIfThere(key: Bytes): void {
    const db = this.#db
    if (db.keys.isFilling) {
      if (!db.keys.isFull) return
      while (db.keys.isFilling) link(db)
    }
    if (db.keys.find(key) >= 0) throw twice(key)
  }

  empty(): void {
    this.withoutElements++
  }

  function(code: string): void {
    const { loadFunction } = this.#options
    try {
      if (loadFunction === undefined) this.#engine.parts.scripts.loadLibrary(code)
      else loadFunction(code)
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error
      throw new RdbUnsupported(`it holds function libraries, one of which cannot be loaded: ${error.text}`)
    }
  }

  #isExpired(key: Bytes, attributes: KeyAttributes): boolean {
    if (attributes.expiryMs === -1 || attributes.expiryMs >= this.#nowMs) return false
    this.expired++
    this.#options.dropped?.(this.#db, key)
    return true
  }

  #describe(entry: number, attributes: KeyAttributes): void {
    this.keys++
    if (attributes.expiryMs !== -1) this.#db.setExpiry(entry, attributes.expiryMs)
    if (attributes.idleSeconds !== -1 || attributes.frequency !== -1) {
      this.#db.setUse(entry, Math.min(attributes.idleSeconds, 0x7fffffff), attributes.frequency)
    }
  }
}

/** Tells whether a source has a string's bytes and no others. */
function ownsSource({ length, source, start }: Bytes): boolean {
  return start === 0 && length === source.u8.length
}

/** Links another part of the keys, so that they can be found. */
function link(db: Database): void {
  const entry = db.keys.link()
  if (entry !== NONE) throw twice(db.keys.keyOf(entry, new Bytes()))
}

function twice(key: Bytes): RdbDamage {
  const name = key.toString().slice(0, 64)
  return new RdbDamage(`the key '${name.replace(/[^ -~]/g, '?')}' is there twice`)
}
