// Everything an engine holds, as plain data: two engines are alike when their dumps are.

import type { Engine } from '../../src/engine/engine.ts'
import { ABSENT, type Hash } from '../../src/store/hash/hash.ts'
import type { MemberSet } from '../../src/store/set/member-set.ts'
import { TYPE_HASH, TYPE_LIST, TYPE_NAMES, TYPE_SET, TYPE_STRING, TYPE_ZSET } from '../../src/store/structures/value.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { TestClient } from './engine.ts'

/** Returns `db key` → type, value and expiry, sorted by key. */
export function dump(engine: Engine): Record<string, string> {
  const client = new TestClient(engine, 2)
  const window = new Bytes()
  const lines: [string, string][] = []
  for (const database of engine.databases) {
    client.client.database = database.index
    for (let entry = 0; entry < database.keys.entriesEnd; entry++) {
      if (!database.keys.isLive(entry)) continue
      const key = database.keys.keyOf(entry, window).toString()
      const type = database.typeOf(entry)
      const expiry = database.expiryOf(entry)
      let value: string
      if (type === TYPE_STRING) value = database.strings.read(entry, window).toString()
      else if (type === TYPE_LIST) value = client.ask('LRANGE', key, 0, -1)
      else if (type === TYPE_HASH) value = dumpHash(database.structureOf(entry) as Hash)
      else if (type === TYPE_SET) value = dumpSet(database.structureOf(entry) as MemberSet)
      else if (type === TYPE_ZSET) value = client.ask('ZRANGE', key, 0, -1, 'WITHSCORES')
      // A stream's nodes stay as they are on any journey, and so does the payload made of them.
      else value = client.ask('DUMP', key)
      lines.push([
        `${database.index} ${key}`,
        `${TYPE_NAMES[type]} ${value}${expiry === undefined ? '' : ` until ${expiry}`}`,
      ])
    }
  }
  client.disconnect()
  return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Fields, values and expiries, sorted by field. */
function dumpHash(hash: Hash): string {
  const window = new Bytes()
  const fields: string[] = []
  for (let slot = hash.first(); slot !== ABSENT; slot = hash.next(slot)) {
    const pair = `${hash.fieldOf(slot, window)}=${hash.valueOf(slot, window)}`
    fields.push(`${pair} until ${hash.expiryOf(slot)}`)
  }
  return fields.sort().join('\n')
}

/** Members in the order of their bytes: a set has none of its own. */
function dumpSet(set: MemberSet): string {
  const window = new Bytes()
  const members: string[] = []
  for (let slot = set.first(); slot !== ABSENT; slot = set.next(slot))
    members.push(set.memberOf(slot, window).toString())
  return JSON.stringify(members.sort())
}
