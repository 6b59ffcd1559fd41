// Writes an image as commands: the base of an append-only file under `aof-use-rdb-preamble no`.
//
// Any server since 5.0 replays it, and people can read it. Each key becomes one
// command, or several of PAIRS_MAX elements each; its expiry follows. A stream is
// written entry by entry, then its numbers, then its groups with their consumers and
// pending entries. Two things have no command and are lost, as in Redis: when a
// consumer was last seen, and how often a key is used.

import { RequestWriter } from '../../protocol/request-writer.ts'
import { ABSENT, type Hash, NEVER } from '../../store/hash/hash.ts'
import type { Database } from '../../store/keyspace/database.ts'
import type { List } from '../../store/list/list.ts'
import { ListPosition } from '../../store/list/list-pages.ts'
import type { MemberSet } from '../../store/set/member-set.ts'
import { type SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import type { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import type { StreamConsumer, StreamGroup } from '../../store/stream/stream-group.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { IndexCursor } from '../../store/stream/stream-index.ts'
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { formatDouble } from '../../util/numbers/numbers.ts'
import { RdbOutput } from '../rdb/rdb-output.ts'
import type { ImageWriter } from '../snapshot/image-writer.ts'

/** Elements of one command, as Redis has them: a command is held in memory whole when it is replayed. */
const ELEMENTS_MAX = 64
/** A longer value is written in pieces of this size, although the words of a command belong together. */
const PIECE_BYTES = 32 * 1024
/** After one that is not shorter, too, others may be heard. */
const SHORT_BYTES = 1024

/** Writes one key, a part at a time: at most a command, or a piece of a long word. */
type Parts = Generator<void, void>

export class CommandWriter implements ImageWriter {
  readonly output = new RdbOutput({ compress: false, checksum: false })
  readonly #notesTime: boolean
  /** What the running part has written, before it is passed on to the output. */
  readonly #writer = new RequestWriter()
  #database = -1
  #parts: Parts | undefined = undefined
  readonly #key = new Bytes()
  readonly #one = new Bytes()
  readonly #other = new Bytes()

  /** `notesTime` = `aof-timestamp-enabled`: what follows is the state of the moment that stands at the beginning. */
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
    // What is short is whole after two or three parts; only what is long enough to wait for is worth the steps.
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
    const type = db.typeOf(entry)
    const expiry = db.expiryOf(entry)
    if (type === TYPE_STRING) yield* this.#writeString(db, entry)
    else if (type === TYPE_LIST) yield* this.#writeList(db.structureOf(entry) as List)
    else if (type === TYPE_SET) yield* this.#writeSet(db.structureOf(entry) as MemberSet)
    else if (type === TYPE_ZSET) yield* this.#writeSortedSet(db.structureOf(entry) as SortedSet)
    else if (type === TYPE_HASH) yield* this.#writeHash(db.structureOf(entry) as Hash)
    else yield* this.#writeStream(db.structureOf(entry) as Stream)
    if (expiry !== undefined) this.#ofKey('PEXPIREAT', String(Math.trunc(expiry)))
  }

  *#writeString(db: Database, entry: number): Parts {
    const value = db.strings.read(entry, this.#one)
    this.#writer.begin(3)
    this.#writer.latin1('SET')
    this.#writer.bytes(this.#key)
    yield* this.#element(value)
  }

  *#writeList(list: List): Parts {
    const position = new ListPosition()
    list.seek(0, position)
    for (let left = list.length; left > 0; ) {
      const count = Math.min(left, ELEMENTS_MAX)
      this.#writer.begin(2 + count)
      this.#writer.latin1('RPUSH')
      this.#writer.bytes(this.#key)
      for (let i = 0; i < count; i++) {
        yield* this.#element(list.element(position, this.#one))
        list.next(position)
      }
      left -= count
      yield
    }
  }

  *#writeSet(set: MemberSet): Parts {
    let slot = set.first()
    for (let left = set.length; left > 0; ) {
      const count = Math.min(left, ELEMENTS_MAX)
      this.#writer.begin(2 + count)
      this.#writer.latin1('SADD')
      this.#writer.bytes(this.#key)
      for (let i = 0; i < count; i++) {
        yield* this.#element(set.memberOf(slot, this.#one))
        slot = set.next(slot)
      }
      left -= count
      yield
    }
  }

  *#writeSortedSet(set: SortedSet): Parts {
    const position = new SortedSetPosition()
    set.seek(0, position)
    for (let left = set.length; left > 0; ) {
      const count = Math.min(left, ELEMENTS_MAX)
      this.#writer.begin(2 + 2 * count)
      this.#writer.latin1('ZADD')
      this.#writer.bytes(this.#key)
      for (let i = 0; i < count; i++) {
        set.memberAt(position, this.#one)
        this.#writer.latin1(formatDouble(position.score))
        yield* this.#element(this.#one)
        if (--left > 0) set.next(position)
      }
      yield
    }
  }

  *#writeHash(hash: Hash): Parts {
    let slot = hash.first()
    for (let left = hash.length; left > 0; ) {
      const count = Math.min(left, ELEMENTS_MAX)
      this.#writer.begin(2 + 2 * count)
      this.#writer.latin1('HSET')
      this.#writer.bytes(this.#key)
      for (let i = 0; i < count; i++) {
        yield* this.#element(hash.fieldOf(slot, this.#one))
        yield* this.#element(hash.valueOf(slot, this.#other))
        slot = hash.next(slot)
      }
      left -= count
      yield
    }
    if (hash.earliestExpiry === NEVER) return
    for (slot = hash.first(); slot !== ABSENT; slot = hash.next(slot)) {
      const expiry = hash.expiryOf(slot)
      if (expiry === NEVER) continue
      this.#ofKey('HPEXPIREAT', String(expiry), 'FIELDS', '1', hash.fieldOf(slot, this.#one))
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
      // An empty stream comes into being by adding an entry that is trimmed at once.
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

  /** Writes a word that may be long, in pieces then. */
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

  /** Writes the next part; true when it was the last one. */
  #nextPart(parts: Parts): boolean {
    const isLast = parts.next().done === true
    this.#passOn()
    return isLast
  }

  /** Passes on what is written, to the output that is taken away. */
  #passOn(): void {
    const writer = this.#writer
    this.output.raw(writer.source, 0, writer.length)
    writer.clear()
  }
}
