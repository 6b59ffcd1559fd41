// Which state of which history the data in a file is: so replicas can go on after a restart.
//
// A snapshot says it in fields of its own, as Redis's do. An append-only file says it in an
// annotation line, written when the server ends and everything before it is in the
// file: it counts only as long as it is the very end. After a crash there is none, and
// replicas are given everything.

import type { HistoryPosition } from '../../engine/effects/replication-history.ts'

const NOTE = /^#HISTORY:([0-9a-f]{40}):(\d{1,15}):(\d{1,9})\r?$/

/** What a snapshot says about itself; undefined = nothing of a history. */
export function positionIn(auxiliaries: ReadonlyMap<string, string>): HistoryPosition | undefined {
  const id = auxiliaries.get('repl-id')
  const offset = Number(auxiliaries.get('repl-offset') ?? Number.NaN)
  if (id === undefined || id.length !== 40 || !Number.isSafeInteger(offset) || offset < 0) return undefined
  return { id, offset, database: streamDatabaseIn(auxiliaries) }
}

/** The database that a history's stream had selected at a snapshot's moment; 0 where the snapshot does not say. */
export function streamDatabaseIn(auxiliaries: ReadonlyMap<string, string>): number {
  const database = Number(auxiliaries.get('repl-stream-db') ?? 0)
  return Number.isSafeInteger(database) && database >= 0 ? database : 0
}

/** The line that ends an append-only file. */
export function noteOf({ id, offset, database }: HistoryPosition): string {
  return `#HISTORY:${id}:${offset}:${database}\r\n`
}

/** Reads an annotation; undefined = it is about something else. */
export function readNote(annotation: string): HistoryPosition | undefined {
  const [, id, offset, database] = NOTE.exec(annotation) ?? []
  return id === undefined ? undefined : { id, offset: Number(offset), database: Number(database) }
}
