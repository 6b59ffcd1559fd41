// The interface between a database and the engine: what the database asks for, and what it reports.
//
// `D` is the database itself (database.ts), which is a layer above this file. It is only passed on
// here.

import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Handler } from '../../util/tables/handlers.ts'
import type { StructureHost } from '../structures/encoding-limits.ts'

/**
 * The extent of a change: a part of an entry, or all of it because it is removed or gets another
 * value.
 */
export type Extent = 'part' | 'whole'

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

// Events that a database reports. Keys are windows that are valid during the call.

/**
 * An entry is about to change for the first time. With the extent `whole` the handler may take the
 * value (`handOver`).
 */
export type BeforeChange<D> = [db: D, entry: number, extent: Extent]
/**
 * A database was emptied. The argument is a database without a number that holds the old contents.
 */
export type Emptied<D> = [contents: D]
/** A read found no key. */
export type Missed<D> = [db: D, key: Bytes]
/** A key was created, with a value of this type. */
export type Created<D> = [db: D, key: Bytes, type: number]
/**
 * A value of this type is about to go: its key is removed, renamed or gets another value. Not
 * reported when all contents go at once.
 */
export type Gone<D> = [db: D, key: Bytes, type: number]
/** An entry was given an expiry time (Unix ms). */
export type Deadline<D> = [db: D, entry: number, timeMs: number]
/** A key was looked up; it is identified by its hash. */
export type Looked = [hash: number]

/** How the use of keys is measured. */
export interface UseHost {
  /** Seconds of the access clock, which is coarse. */
  readonly accessSeconds: number
  /**
   * Not null under an LFU policy: takes the 8-bit frequency and the access word, and returns the
   * new frequency.
   */
  frequency: ((frequency: number, accessWord: number) => number) | null
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
 * The parts of the engine that a database uses; one object serves all databases. A handler is null
 * while there is no listener.
 */
export interface DatabaseHostOf<D> extends StructureHost, StringsHost, UseHost {
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
  /** False for clients whose reads do not count as use (CLIENT NO-TOUCH). */
  touches: boolean
  hits: number
  misses: number
  /**
   * Counts changes that pass the *before* side of the gate, and new keys; wraps. While it is the
   * same, no value has changed.
   */
  changesBegun: number
  readonly beforeChange: Handler<BeforeChange<D>> | null
  readonly emptied: Handler<Emptied<D>> | null
  readonly missed: Handler<Missed<D>> | null
  readonly created: Handler<Created<D>> | null
  readonly gone: Handler<Gone<D>> | null
  readonly looked: Handler<Looked> | null
  readonly deadline: Handler<Deadline<D>> | null
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
