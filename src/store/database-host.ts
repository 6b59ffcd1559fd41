// What a database needs from whoever runs it, and what it tells him.

import type { Bytes } from '../util/bytes.ts'
import type { HashKey } from '../util/keyed-hash.ts'
import type { Database } from './database.ts'

/** What is going to change: something about an entry, or all of it, because it is removed or gets another value. */
export type Extent = 'part' | 'whole'

/** What a database needs from whoever runs it; one object for all databases. */
export interface DatabaseHost {
  /** Unix time in ms: one reading a command (invariant 2). */
  now(): number
  /** Seconds for the access clock, coarse. */
  accessSeconds: number
  /** The key of every hash, so that one made of a window once serves everywhere. */
  readonly hashKey: HashKey
  /** False while the journal is replayed: history decides what existed, not the clock. */
  expires: boolean
  /** False for clients that asked not to count as use (CLIENT NO-TOUCH). */
  touches: boolean
  /** Non-null under an LFU policy: given and returning the 8-bit frequency, told the access word. */
  frequency: ((frequency: number, accessWord: number) => number) | null
  hits: number
  misses: number
  /** Counts what passes the *before* side of the gate, and what comes into being; wraps. Unchanged = nothing has changed. */
  changesBegun: number
  /** Non-null while someone needs to see an entry before it first changes (snapshots). A value that goes as a whole he may take (`handOver`). */
  beforeChange: ((db: Database, entry: number, extent: Extent) => void) | null
  /** Non-null while someone wants the contents of databases that are emptied: he gets them as they are, in a database of no number. */
  emptied: ((contents: Database) => void) | null
  /** Non-null while somebody wants to hear of reads that found nothing. The window is valid during the call. */
  missed: ((db: Database, key: Bytes) => void) | null
  /** Non-null while somebody wants to hear of keys that come into being, and of which type. The window is valid during the call. */
  created: ((db: Database, key: Bytes, type: number) => void) | null
  /** Non-null while readers must learn of not yet durable keys: told the hash of every key looked up. */
  looked: ((hash: number) => void) | null
  /** Non-null while somebody wants to hear of large values as they come: memory may never again be as much. */
  grown: (() => void) | null
  /** A key's time was up; it is already gone. The window is valid during the call. */
  expired(db: Database, key: Bytes): void
  /** The time of some fields of a hash was up; they are already gone, and the key with them if they were the last. */
  fieldsExpired(db: Database, key: Bytes, fields: readonly Bytes[], keyGone: boolean): void
  /** Throws the reply for a wrong type. */
  wrongType(): never
}
