// The name of a key across databases, for maps of keys.

import { Bytes } from '../../util/bytes/bytes.ts'

/** Returns one character for the database, then the key's latin1 bytes. */
export function nameKey(database: number, key: Bytes): string {
  return String.fromCharCode(database) + key.toString()
}

/** Returns the database of a name. */
export function databaseOf(name: string): number {
  return name.charCodeAt(0)
}

/** Returns the key of a name. */
export function keyOf(name: string): Bytes {
  return Bytes.from(name.slice(1))
}
