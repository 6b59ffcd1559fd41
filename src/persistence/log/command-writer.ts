// Writes an image as commands: the base of an append-only file under `aof-use-rdb-preamble no`.
//
// Any server since 5.0 replays it, and people can read it. Each key becomes one command, or several
// of ELEMENTS_MAX elements each; its expiry follows. A stream is written entry by entry, then its
// numbers, then its groups with their consumers and pending entries. Two things have no command and
// are lost, as in Redis: when a consumer was last seen, and how often a key is used.

import { RequestWriter } from '../../protocol/request-writer.ts'
import { NEVER } from '../../store/hash/field-deadlines.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import type { StreamConsumer, StreamGroup } from '../../store/stream/stream-group.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { IndexCursor } from '../../store/stream/stream-index.ts'
import type { ElementCursor } from '../../store/structures/element-cursor.ts'
import { TYPE_STRING, VALUE_KINDS, type Value } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { formatDouble } from '../../util/numbers/numbers.ts'
import { RdbOutput } from '../rdb/rdb-output.ts'
import type { ImageWriter } from '../snapshot/image-writer.ts'

/** Elements of one command, as in Redis: a replay holds a command in memory whole. */
const ELEMENTS_MAX = 64
/**
 * A longer value is written in pieces of this size, although the words of a command belong
 * together.
 */
const PIECE_BYTES = 32 * 1024
/** After a value of at least this size, other clients may be served. */
const SHORT_BYTES = 1024

/** Writes one key, a part at a time: at most a command, or a piece of a long word. */
type Parts = Generator<void, void>

export class CommandWriter implements ImageWriter {
  readonly output = new RdbOutput({ compress: false, checksum: false })
  readonly #notesTime: boolean
  /** The bytes of the running part, before they are passed on to the output. */
  readonly #writer = new RequestWriter()
  #database = -1
  #parts: Parts | undefined = undefined
  readonly #key = new Bytes()
  readonly #one = new Bytes()
  readonly #other = new Bytes()

  /** `notesTime` = `aof-timestamp-enabled`: the file begins with the time of the image. */
  constructor(notesTime = false) {
    this.#notesTime = notesTime
  }

  get work(): number {
    return this.output.total
  }

  header({ ctime }: Readonly<Record<string, string | number>>): void {
    if (!this.#notesTime) return
    this.#writer.raw(`#TS:${ctime}\r\n`)
    this.#passOn()
  }

  function(code: string): void {
    this.#writer.begin(3)
    this.#writer.latin1('FUNCTION')
    this.#writer.latin1('LOAD')
    this.#writer.latin1(code)
    this.#passOn()
  }

  database(): void {}

  select(index: number): void {
    if (index === this.#database) return
    this.#database = index
    this.#writer.begin(2)
    this.#writer.latin1('SELECT')
    this.#writer.latin1(String(index))
    this.#passOn()
  }

  forgetDatabase(): void {
    this.#database = -1
  }

  begin(db: Database, entry: number): boolean {
    db.keys.keyOf(entry, this.#key)
    const parts = this.#write(db, entry)
    this.#parts = parts
    // A short key is whole after two or three parts; only a long one is worth the steps.
    for (let i = 0; i < 4; i++) {
      if (this.#nextPart(parts)) return true
    }
    // The value may outlive its entry (`Database.handOver`), and with it the name.
    const { source, start, length } = this.#key.copy()
    this.#key.set(source, start, length)
    return false
  }

  step(untilBytes: number): boolean {
    const parts = this.#parts
    assert(parts !== undefined, 'a key that goes on was begun')
    while (this.output.length < untilBytes) if (this.#nextPart(parts)) return true
    return false
  }

  end(): void {}

  // ── values ───────────────────────────────────────────────────────────────

  *#write(db: Database, entry: number): Parts {
    const expiry = db.expiryOf(entry)
    if (db.typeOf(entry) === TYPE_STRING) yield* this.#writeString(db, entry)
    else yield* this.#writeStructure(db.structureOf(entry))
    if (expiry !== undefined) this.#ofKey('PEXPIREAT', String(Math.trunc(expiry)))
  }

  *#writeString(db: Database, entry: number): Parts {
    const value = db.strings.read(entry, this.#one)
    this.#writer.begin(3)
    this.#writer.latin1('SET')
    this.#writer.bytes(this.#key)
    yield* this.#element(value)
  }

  *#writeStructure(value: Value): Parts {
    const cursor = value.elements?.(this.#one, this.#other)
    if (cursor === undefined) {
      assert(value instanceof Stream, 'a value that is not a row of elements is a stream')
      yield* this.#writeStream(value)
    } else {
      yield* this.#writeElements(value, cursor)
    }
  }

  *#writeElements(value: Value, cursor: ElementCursor): Parts {
    const kind = VALUE_KINDS[value.type]?.elements
    assert(kind !== undefined, 'a type with a cursor says what its elements are')
    const { added, hasScore, words } = kind
    const wordsOfElement = words + (hasScore ? 1 : 0)
    let expires = false
    for (let left = value.length; left > 0; ) {
      const count = Math.min(left, ELEMENTS_MAX)
      this.#writer.begin(2 + count * wordsOfElement)
      this.#writer.latin1(added)
      this.#writer.bytes(this.#key)
      for (let i = 0; i < count; i++) {
        const isThere = cursor.next()
        assert(isThere, 'a value has as many elements as it says')
        if (cursor.expiryMs !== NEVER) expires = true
        if (hasScore) this.#writer.latin1(formatDouble(cursor.score))
        yield* this.#element(cursor.word)
        if (words > 1) yield* this.#element(cursor.second)
      }
      left -= count
      yield
    }
    if (CHECKED) assert(!cursor.next(), 'a value has no more elements than it says')
    if (expires) yield* this.#writeExpiries(value)
  }

  /** Writes the expiries of elements. Only fields of hashes have any. */
  *#writeExpiries(value: Value): Parts {
    const cursor = value.elements?.(this.#one, this.#other)
    while (cursor?.next()) {
      if (cursor.expiryMs === NEVER) continue
      this.#ofKey('HPEXPIREAT', String(cursor.expiryMs), 'FIELDS', '1', cursor.word)
      yield
    }
  }

  *#writeStream(stream: Stream): Parts {
    const entry = new EntryCursor()
    if (stream.first(entry)) {
      do {
        this.#writer.begin(3 + 2 * entry.fields)
        this.#writer.latin1('XADD')
        this.#writer.bytes(this.#key)
        this.#writer.latin1(entry.id.toString())
        entry.beginFields()
        for (let i = 0; i < entry.fields; i++) {
          entry.nextField(this.#one, this.#other)
          yield* this.#element(this.#one)
          yield* this.#element(this.#other)
        }
        yield
      } while (stream.next(entry))
    } else {
      // An empty stream is made by an entry that is trimmed at once.
      const id = stream.lastId.isZero ? '0-1' : stream.lastId.toString()
      this.#ofKey('XADD', 'MAXLEN', '0', id, 'x', 'y')
    }
    this.#ofKey(
      'XSETID',
      stream.lastId.toString(),
      'ENTRIESADDED',
      String(stream.entriesAdded),
      'MAXDELETEDID',
      stream.maxDeletedId.toString(),
    )
    for (const group of stream.groups.all) {
      this.#ofGroup('CREATE', group, group.lastId.toString(), 'ENTRIESREAD', String(group.entriesRead))
      for (const consumer of group.consumers.all) {
        this.#ofGroup('CREATECONSUMER', group, consumer.name)
        yield* this.#writePending(group, consumer)
      }
    }
  }

  *#writePending(group: StreamGroup, consumer: StreamConsumer): Parts {
    const owned = new IndexCursor()
    const pending = new IndexCursor()
    const id = new StreamId()
    consumer.pending.first(owned)
    for (let left = consumer.pending.count; left > 0; left--) {
      owned.id(id)
      if (group.find(id, pending)) {
        this.#ofKey(
          'XCLAIM',
          group.name,
          consumer.name,
          '0',
          id.toString(),
          'TIME',
          String(Math.trunc(group.deliveryTime(pending))),
          'RETRYCOUNT',
          String(group.deliveryCount(pending)),
          'JUSTID',
          'FORCE',
        )
      }
      consumer.pending.next(owned)
      yield
    }
  }

  // ── words ────────────────────────────────────────────────────────────────

  /** Writes a command: its name, the key, and then words. */
  #ofKey(name: string, ...words: (string | Bytes)[]): void {
    this.#writer.begin(2 + words.length)
    this.#writer.latin1(name)
    this.#writer.bytes(this.#key)
    for (const word of words) this.#word(word)
  }

  #ofGroup(subcommand: string, group: StreamGroup, ...words: (string | Bytes)[]): void {
    this.#writer.begin(4 + words.length)
    this.#writer.latin1('XGROUP')
    this.#writer.latin1(subcommand)
    this.#writer.bytes(this.#key)
    this.#writer.bytes(group.name)
    for (const word of words) this.#word(word)
  }

  #word(word: string | Bytes): void {
    if (typeof word === 'string') this.#writer.latin1(word)
    else this.#writer.bytes(word)
  }

  /** Writes a word; a long one in pieces. */
  *#element(bytes: Bytes): Parts {
    if (bytes.length <= PIECE_BYTES) {
      this.#writer.bytes(bytes)
      if (bytes.length >= SHORT_BYTES) yield
      return
    }
    this.#writer.beginWord(bytes.length)
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      this.#writer.copy(bytes.source, bytes.start + at, Math.min(PIECE_BYTES, bytes.length - at))
      yield
    }
    this.#writer.lineEnd()
  }

  /** Writes the next part; returns true when it was the last one. */
  #nextPart(parts: Parts): boolean {
    const isLast = parts.next().done === true
    this.#passOn()
    return isLast
  }

  /** Passes the written bytes on to the output that the caller takes away. */
  #passOn(): void {
    const writer = this.#writer
    this.output.raw(writer.source, 0, writer.length)
    writer.clear()
  }
}
