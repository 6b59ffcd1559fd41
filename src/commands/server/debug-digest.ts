// DEBUG DIGEST, DIGEST-VALUE: twenty bytes that are the same for the same data, here and in Redis.
//
// Redis's way: what has an order is *mixed* into a digest (xor with its SHA-1, then
// the SHA-1 of that), what has none (the keys of a database, the members of a set)
// is xored, so that it does not matter which comes first. Nothing is said of how a
// value is encoded or used, of a stream's groups, nor of when a key expires: only
// that it does.

import { createHash } from 'node:crypto'
import { ABSENT, type Hash } from '../../store/hash/hash.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { List } from '../../store/list/list.ts'
import { ListPosition } from '../../store/list/list-pages.ts'
import type { MemberSet } from '../../store/set/member-set.ts'
import { type SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import type { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_STRING, TYPE_ZSET } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { formatDoubleDigits } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'

const DIGEST_BYTES = 20
/** Redis's number for the type of a stream; those of the other types are ours. */
const REDIS_TYPE_STREAM = 6

/** The digest of all databases. */
export function digest(call: Call): void {
  call.engine.effects.durability.lookedEverywhere()
  const all = new Digest()
  const key = new Bytes()
  for (const db of call.engine.databases) {
    if (db.size === 0) continue
    all.mixNumber(db.index)
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (!db.keys.isLive(entry)) continue
      const one = new Digest()
      one.mix(db.keys.keyOf(entry, key))
      addValue(one, db, entry)
      all.xorDigest(one)
    }
  }
  call.reply.status(all.toString())
}

/** The digests of the values of some keys; of one that is not there, zeros. */
export function digestValue(call: Call): void {
  call.reply.array(call.args.length - 2)
  for (let i = 2; i < call.args.length; i++) {
    const one = new Digest()
    const entry = call.db.find(call.key(i))
    if (entry !== NONE) addValue(one, call.db, entry)
    call.reply.status(one.toString())
  }
}

class Digest {
  readonly #bytes = Buffer.alloc(DIGEST_BYTES)

  xor(bytes: Buffer): void {
    const hash = createHash('sha1').update(bytes).digest()
    for (let i = 0; i < DIGEST_BYTES; i++) this.#bytes[i]! ^= hash[i]!
  }

  xorDigest(other: Digest): void {
    this.xor(other.#bytes)
  }

  mix(bytes: Bytes): void {
    this.#mix(bytes.source.u8.subarray(bytes.start, bytes.start + bytes.length))
  }

  mixText(latin1: string): void {
    this.#mix(Buffer.from(latin1, 'latin1'))
  }

  /** A number of 32 bits, in the order of the network. */
  mixNumber(value: number): void {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    this.#mix(bytes)
  }

  #mix(bytes: Buffer): void {
    this.xor(bytes)
    createHash('sha1').update(this.#bytes).digest().copy(this.#bytes)
  }

  toString(): string {
    return this.#bytes.toString('hex')
  }
}

const one = new Bytes()
const other = new Bytes()
const EXPIRES = Buffer.from('!!expire!!')

function addValue(to: Digest, db: Database, entry: number): void {
  const type = db.typeOf(entry)
  to.mixNumber(type === TYPE_STREAM ? REDIS_TYPE_STREAM : type)
  if (type === TYPE_STRING) to.mix(db.strings.read(entry, one))
  else if (type === TYPE_LIST) addList(to, db.structureOf(entry) as List)
  else if (type === TYPE_SET) addSet(to, db.structureOf(entry) as MemberSet)
  else if (type === TYPE_ZSET) addSortedSet(to, db.structureOf(entry) as SortedSet)
  else if (type === TYPE_HASH) addHash(to, db.structureOf(entry) as Hash)
  else addStream(to, db.structureOf(entry) as Stream)
  if (db.expiryOf(entry) !== undefined) to.xor(EXPIRES)
}

function addList(to: Digest, list: List): void {
  const position = new ListPosition()
  list.seek(0, position)
  for (let left = list.length; left > 0; left--) {
    to.mix(list.element(position, one))
    list.next(position)
  }
}

function addSet(to: Digest, set: MemberSet): void {
  let slot = set.first()
  for (let left = set.length; left > 0; left--) {
    const { source, start, length } = set.memberOf(slot, one)
    to.xor(source.u8.subarray(start, start + length))
    slot = set.next(slot)
  }
}

function addSortedSet(to: Digest, set: SortedSet): void {
  const position = new SortedSetPosition()
  set.seek(0, position)
  for (let left = set.length; left > 0; ) {
    const element = new Digest()
    set.memberAt(position, one)
    element.mix(one)
    element.mixText(formatDoubleDigits(position.score))
    to.xorDigest(element)
    if (--left > 0) set.next(position)
  }
}

function addHash(to: Digest, hash: Hash): void {
  for (let slot = hash.first(); slot !== ABSENT; slot = hash.next(slot)) {
    const element = new Digest()
    element.mix(hash.fieldOf(slot, one))
    element.mix(hash.valueOf(slot, other))
    to.xorDigest(element)
  }
}

function addStream(to: Digest, stream: Stream): void {
  const entry = new EntryCursor()
  for (let more = stream.first(entry); more; more = stream.next(entry)) {
    to.mixText(entry.id.toString().replace('-', '.'))
    entry.beginFields()
    for (let i = 0; i < entry.fields; i++) {
      entry.nextField(one, other)
      to.mix(one)
      to.mix(other)
    }
  }
}
