// DEBUG DIGEST, DIGEST-VALUE: twenty bytes that are the same for the same data, here and in Redis.
//
// Redis's method: parts with an order are *mixed* into a digest (xor with the part's SHA-1, then
// the SHA-1 of that). Parts without an order (the keys of a database, the members of a set) are
// xored, so their sequence does not matter. A digest does not cover encodings, access times, the
// groups of a stream, nor the time at which a key expires: only that it does.

import { createHash } from 'node:crypto'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import type { ElementCursor } from '../../store/structures/element-cursor.ts'
import { type ElementKind, TYPE_STREAM, TYPE_STRING, VALUE_KINDS, type Value } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
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

/** The digests of the values of some keys; zeros for a missing key. */
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

  /** A 32-bit number in network byte order. */
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
  else addStructure(to, db.structureOf(entry))
  if (db.expiryOf(entry) !== undefined) to.xor(EXPIRES)
}

function addStructure(to: Digest, value: Value): void {
  const kind = VALUE_KINDS[value.type]?.elements
  const cursor = value.elements?.(one, other)
  if (cursor === undefined || kind === undefined) {
    assert(value instanceof Stream, 'a value that is not a row of elements is a stream')
    addStream(to, value)
  } else {
    addElements(to, cursor, kind)
  }
}

/** Redis xors the members of a sorted set like those of a set. */
function addElements(to: Digest, cursor: ElementCursor, { hasScore, order, words }: ElementKind): void {
  while (cursor.next()) {
    if (order === 'position') {
      to.mix(cursor.word)
    } else if (words === 1 && !hasScore) {
      const { source, start, length } = cursor.word
      to.xor(source.u8.subarray(start, start + length))
    } else {
      const element = new Digest()
      element.mix(cursor.word)
      if (words > 1) element.mix(cursor.second)
      if (hasScore) element.mixText(formatDoubleDigits(cursor.score))
      to.xorDigest(element)
    }
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
