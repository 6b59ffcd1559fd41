// The interface between a database and the engine that runs it: what the database asks for, and what it reports.
//
// `D` is the database itself (database.ts), which stands above this: it is told of, and never looked into, here.

import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Handler } from '../../util/tables/handlers.ts'
import type { StructureHost } from '../structures/encoding-limits.ts'

/** What is going to change: something about an entry, or all of it, because it is removed or gets another value. */
export type Extent = 'part' | 'whole'

/**
 * What becomes of a key whose time is up: it is removed when somebody comes across it, and its removal is told; it is there for
 * nobody and stays until somebody else says that it is removed (what a replica shows), unless, for `own`, it is in the way of a
 * client who writes (a replica that may be written to); it is there like any other (what is replayed, and what a primary sends:
 * history decides, and a write must find what it changes).
 */
export type Expiry = 'remove' | 'hide' | 'own' | 'keep'

// What is told, and when; keys are windows that are valid during the call.

/** An entry is going to change for the first time. A value that goes as a whole he who is told may take (`handOver`). */
export type BeforeChange<D> = [db: D, entry: number, extent: Extent]
/** A database was emptied: its contents as they were, in a database of no number. */
export type Emptied<D> = [contents: D]
/** A read found nothing. */
export type Missed<D> = [db: D, key: Bytes]
/** A key came into being, with a value of this type. */
export type Created<D> = [db: D, key: Bytes, type: number]
/** A value of this type is going: its key is removed, gets another name or another value. Not told when all contents go at once. */
export type Gone<D> = [db: D, key: Bytes, type: number]
/** An entry was given a time at which it expires (Unix ms). */
export type Deadline<D> = [db: D, entry: number, timeMs: number]
/** A key was looked up; told by its hash. */
export type Looked = [hash: number]

/** How the use of keys is measured. */
export interface UseHost {
  /** Seconds for the access clock, coarse. */
  readonly accessSeconds: number
  /** Non-null under an LFU policy: given and returning the 8-bit frequency, told the access word. */
  frequency: ((frequency: number, accessWord: number) => number) | null
}

/** What strings need. */
export interface StringsHost {
  /** Keys are to be found by their slot: the server is part of a cluster. */
  readonly indexesSlots?: boolean
  /** Told of large values as they come: memory may never again be as much. */
  readonly grown: (() => void) | null
  /** Throws the reply for a wrong type. */
  wrongType(): never
}

/** What a database needs from whoever runs it; one object for all databases. Who is told sits in a slot that is null while nobody does. */
export interface DatabaseHostOf<D> extends StructureHost, StringsHost, UseHost {
  /** Unix time in ms: one reading a command (invariant 2). */
  now(): number
  expiry: Expiry
  /** Large values are freed in steps also while the journal is replayed: clients of another engine wait meanwhile. Default: they are not. */
  readonly freesInSteps?: boolean
  /** True = a key whose time is up is removed when it is found; false = it is only hidden. It follows from `expiry` and from the command that is being run. */
  readonly removesExpired: boolean
  /** False for clients that asked not to count as use (CLIENT NO-TOUCH). */
  touches: boolean
  hits: number
  misses: number
  /** Counts what passes the *before* side of the gate, and what comes into being; wraps. Unchanged = nothing has changed. */
  changesBegun: number
  readonly beforeChange: Handler<BeforeChange<D>> | null
  readonly emptied: Handler<Emptied<D>> | null
  readonly missed: Handler<Missed<D>> | null
  readonly created: Handler<Created<D>> | null
  readonly gone: Handler<Gone<D>> | null
  readonly looked: Handler<Looked> | null
  readonly deadline: Handler<Deadline<D>> | null
  /** A key's time was up; it is already gone. The window is valid during the call. */
  expired(db: D, key: Bytes): void
  /** The time of some fields of a hash was up; they are already gone, and the key with them if they were the last. */
  fieldsExpired(db: D, key: Bytes, fields: readonly Bytes[], keyGone: boolean): void
}
