// The events of a database that a handler may be told of. Each has a slot, which is null while
// there is no listener (util/tables/handlers.ts). Keys are windows that are valid during the call.
//
// `D` is the database itself (database.ts), which is a layer above this file. It is only passed on
// here.

import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Handler } from '../../util/tables/handlers.ts'

/**
 * The extent of a change: a part of an entry, or all of it because it is removed or gets another
 * value.
 */
export type Extent = 'part' | 'whole'

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

export class DatabaseReports<D> {
  beforeChange: Handler<BeforeChange<D>> | null = null
  emptied: Handler<Emptied<D>> | null = null
  missed: Handler<Missed<D>> | null = null
  created: Handler<Created<D>> | null = null
  gone: Handler<Gone<D>> | null = null
  looked: Handler<Looked> | null = null
  deadline: Handler<Deadline<D>> | null = null
}
