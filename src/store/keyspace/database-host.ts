// The interface between a database and the engine: what the database asks for, and what it reports.
//
// `D` is the database itself (database.ts), which is a layer above this file. It is only passed on
// here.

import type { Bytes } from '../../util/bytes/bytes.ts'
import type { StructureSettings } from '../structures/encoding-limits.ts'
import type { DatabaseReports } from './database-reports.ts'

/**
 * How a key is treated whose time is up.
 *
 * - `remove`: the command that finds it removes it, and the removal is reported.
 * - `hide`: no command finds it, and it stays until the primary removes it. A replica does so.
 * - `own`: as `hide`, except that it is removed when a client of this server writes to it. A
 *   writable replica does so.
 * - `wait`: as `hide`, except that a command that writes removes it. A primary does so during a pause:
 *   the key is removed when that ends, or by the next primary.
 * - `keep`: it is there like any other key. So replayed commands and a primary's commands run: the
 *   history decides, and a write must find the key that it changes.
 */
export type Expiry = 'remove' | 'hide' | 'own' | 'wait' | 'keep'

/** The use of keys: how it is measured, and how often keys were found. */
export interface KeyUse {
  /** Seconds of the access clock, which is coarse. */
  readonly accessSeconds: number
  /**
   * Not null under an LFU policy: takes the 8-bit frequency and the access word, and returns the
   * new frequency.
   */
  frequency: ((frequency: number, accessWord: number) => number) | null
  /** False for clients whose reads do not count as use (CLIENT NO-TOUCH). */
  touches: boolean
  hits: number
  misses: number
}

/** The parts of the engine that strings use. */
export interface StringsHost {
  /** True when keys must be found by their slot, because the server is part of a cluster. */
  readonly indexesSlots?: boolean
  /** Told of large values as they come: memory may never again be as much. */
  readonly grown: (() => void) | null
  /** Throws the reply for a wrong type. */
  wrongType(): never
}

/**
 * The parts of the engine that a database uses; one object serves all databases.
 */
export interface DatabaseHostOf<D> extends StructureSettings, StringsHost {
  /** Unix time in ms: one reading for each command (invariant 2). */
  now(): number
  expiry: Expiry
  /**
   * True when large values are freed in steps even while the journal is replayed, because clients
   * of another engine wait meanwhile. By default they are freed at once then.
   */
  readonly freesInSteps?: boolean
  /**
   * True when a key whose time is up is removed when it is found, false when it is only hidden. It
   * follows from `expiry` and from the running command.
   */
  readonly removesExpired: boolean
  /**
   * Counts changes that pass the *before* side of the gate, and new keys; wraps. While it is the
   * same, no value has changed.
   */
  changesBegun: number
  readonly use: KeyUse
  readonly reports: DatabaseReports<D>
  /**
   * Called after a key was removed because its time was up. The window is valid during the call.
   */
  expired(db: D, key: Bytes): void
  /**
   * Called after fields of a hash were removed because their time was up. The key is gone too if
   * they were the last.
   */
  fieldsExpired(db: D, key: Bytes, fields: readonly Bytes[], keyGone: boolean): void
}
