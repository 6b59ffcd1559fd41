// A key's name across databases, for whoever keeps keys in a Map.

import { Bytes } from '../../util/bytes/bytes.ts'

/** One character for the database, then the key's latin1 bytes. */
export function nameKey(database: number, key: Bytes): string {
  return String.fromCharCode(database) + key.toString()
}

/** The database of a name. */
export function databaseOf(name: string): number {
  return name.charCodeAt(0)
}

/** The key of a name. */
export function keyOf(name: string): Bytes {
  return Bytes.from(name.slice(1))
}
