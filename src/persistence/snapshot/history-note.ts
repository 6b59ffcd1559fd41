// Notes in a file which offset of which replication history its data has, so that replicas can go
// on after a restart.
//
// A snapshot has it in fields of its own, as Redis's do. An append-only file has it in an
// annotation line, written when the server ends and everything before it is in the file. The line
// counts only at the very end of the file. After a crash there is none, and replicas get all of the
// data.

import type { HistoryPosition } from '../../engine/effects/replication-history.ts'
import { assert } from '../../util/assert.ts'

const NOTE = /^#HISTORY:([0-9a-f]{40}):(\d{1,15}):(\d{1,9})\r?$/

/** Reads the position from a snapshot's fields; undefined = they name no history. */
export function positionIn(auxiliaries: ReadonlyMap<string, string>): HistoryPosition | undefined {
  const id = auxiliaries.get('repl-id')
  const offset = Number(auxiliaries.get('repl-offset') ?? Number.NaN)
  if (id === undefined || id.length !== 40 || !Number.isSafeInteger(offset) || offset < 0) return undefined
  return { id, offset, database: streamDatabaseIn(auxiliaries) }
}

/**
 * Reads which database the history's stream had selected at a snapshot's moment; 0 where the
 * snapshot does not say.
 */
export function streamDatabaseIn(auxiliaries: ReadonlyMap<string, string>): number {
  const database = Number(auxiliaries.get('repl-stream-db') ?? 0)
  return Number.isSafeInteger(database) && database >= 0 ? database : 0
}

/** Returns the line that ends an append-only file. */
export function noteOf({ id, offset, database }: HistoryPosition): string {
  const note = `#HISTORY:${id}:${offset}:${database}\r\n`
  assert(NOTE.test(note.trimEnd()), 'a note of a history can be read back')
  return note
}

/** Reads an annotation; undefined = it is about something else. */
export function readNote(annotation: string): HistoryPosition | undefined {
  const [, id, offset, database] = NOTE.exec(annotation) ?? []
  return id === undefined ? undefined : { id, offset: Number(offset), database: Number(database) }
}
