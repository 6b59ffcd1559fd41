// The arguments that several stream commands share: ids, ranges, groups, trimming.

import { ERR } from '../../protocol/errors.ts'
import { Stream } from '../../store/stream/stream.ts'
import type { StreamConsumer, StreamGroup } from '../../store/stream/stream-group.ts'
import { ID_INVALID, ID_TEXT_BYTES_MAX, parseStreamId, StreamId } from '../../store/stream/stream-id.ts'
import { itemAt } from '../../util/array-reads.ts'
import { type Bytes, Source } from '../../util/bytes/bytes.ts'
import { parseInteger, writeInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'

/**
 * Reads argument `i` as an id. Without a sequence number it has the number 0. Throws ERR.streamId.
 */
export function readId(call: Call, i: number, id: StreamId): StreamId {
  if (parseStreamId(call.args.bytes(i), id) === ID_INVALID) throw ERR.streamId
  return id
}

/** Like readId, with `-` and `+` for the smallest and the largest id. */
export function readAnyId(call: Call, i: number, id: StreamId, missingSequence: 0 | -1 = 0): StreamId {
  const bytes = call.args.bytes(i)
  const only = bytes.length > 0 && (bytes.length === 1 || bytes.at(1) === 0) ? bytes.at(0) : 0
  if (bytes.length < 128 && only === DASH) return id.setZero()
  if (bytes.length < 128 && only === PLUS) return id.setMax()
  if (parseStreamId(bytes, id, missingSequence) === ID_INVALID) throw ERR.streamId
  return id
}

/** Reads argument `i` as the start of a range: an id, `(` and an id, `-` or `+`. */
export function readStart(call: Call, i: number, id: StreamId): void {
  if (!readBound(call, i, id, 0)) return
  if (!id.increment()) throw ERR.intervalStart
}

/** Reads argument `i` as the end of a range. */
export function readEnd(call: Call, i: number, id: StreamId): void {
  if (!readBound(call, i, id, -1)) return
  if (!id.decrement()) throw ERR.intervalEnd
}

/** Reads a bound of a range; returns true if the bound itself is excluded. */
function readBound(call: Call, i: number, id: StreamId, missingSequence: 0 | -1): boolean {
  const bytes = call.args.bytes(i)
  if (bytes.length > 1 && bytes.at(0) === PARENTHESIS) {
    if (parseStreamId(bytes, id, missingSequence, false, 1) === ID_INVALID) throw ERR.streamId
    return true
  }
  readAnyId(call, i, id, missingSequence)
  return false
}

/** The ids of one command, reused by the next. */
const ids: StreamId[] = []

/**
 * Reads the arguments from `first` on as ids. All are read before any is used. Valid until the next
 * call.
 */
export function readIds(call: Call, first: number): readonly StreamId[] {
  const count = call.args.length - first
  while (ids.length < count) ids.push(new StreamId())
  for (let i = 0; i < count; i++) readId(call, first + i, itemAt(ids, i))
  return ids
}

/** Reads argument `i` as a count. A negative count means 0. */
export function readEntryCount(call: Call, i: number): number {
  const count = call.args.integer(i)
  return count < 0 ? 0 : Number(count)
}

/**
 * Returns true if argument `i` is this one character, or begins with it and a NUL, which is the
 * same to Redis.
 */
export function isSymbol(call: Call, i: number, symbol: number): boolean {
  const bytes = call.args.bytes(i)
  return bytes.length > 0 && bytes.at(0) === symbol && (bytes.length === 1 || bytes.at(1) === 0)
}

export const DASH = 45
export const PLUS = 43
export const STAR = 42
export const DOLLAR = 36
export const ABOVE = 62
const TILDE = 126
const EQUALS = 61
const PARENTHESIS = 40

/**
 * Memory for one id as text, for the journal. The window of an argument may be moved to it until
 * the command ends.
 */
const textSource = Source.allocate(ID_TEXT_BYTES_MAX)

/**
 * Replaces argument `i` by an id, for code that reads the request after the command: the journal,
 * and a parked client's next run.
 */
export function replaceById(call: Call, i: number, id: StreamId, source = textSource, at = 0): void {
  call.args.rawEnd = 0
  call.args.replace(i, source, at, id.write(source, at))
}

// ── groups ─────────────────────────────────────────────────────────────────

/**
 * Returns the stream of a key, which counts as a hit or a miss. The caller may change it, but to
 * Redis the command only reads the key.
 */
export function streamOfGroups(call: Call, key: Bytes): Stream | undefined {
  const stream = call.db.getForWrite(key, Stream)
  if (stream === undefined) return call.db.getForRead(key, Stream)
  call.engine.data.dataset.use.hits++
  return stream
}

/** Returns the group of a stream that arguments 1 and 2 name. Throws NOGROUP. */
export function groupOfStream(call: Call, stream: Stream | undefined): StreamGroup {
  const group = stream?.groups.get(call.args.bytes(2))
  if (group === undefined) throw ERR.noGroup(call.args.string(1), call.args.string(2))
  return group
}

/** Returns the consumer of a name and marks it as seen now. Creates it if there is none. */
export function consumerOf(call: Call, key: Bytes, group: StreamGroup, name: Bytes): StreamConsumer {
  const consumer = group.consumers.get(name) ?? createConsumer(call, key, group, name)
  consumer.seenTime = call.now()
  return consumer
}

/**
 * Adds a consumer whose name is new. Perhaps no other journaled command names it, so its creation
 * is journaled by itself.
 */
export function createConsumer(call: Call, key: Bytes, group: StreamGroup, name: Bytes): StreamConsumer {
  const consumer = group.addConsumer(name, call.now())
  call.changedWithin(key)
  call.notify(key, 'xgroup-createconsumer')
  call.propagate('XGROUP', 'CREATECONSUMER', key, group.name, name)
  return consumer
}

/** Reads ENTRIESREAD's value. */
export function readEntriesRead(call: Call, i: number): number | bigint {
  const count = call.args.integer(i)
  // A replayed count may be below -1: one that went beyond 64 bits is journaled as what became of
  // it.
  if (count < -1 && !call.client.isObeyed) throw ERR.of('value for ENTRIESREAD must be positive or -1')
  return count
}

// ── trimming ───────────────────────────────────────────────────────────────

/** The options for trimming of XADD and XTRIM. */
export class TrimOptions {
  strategy: 'none' | 'maxlen' | 'minid' = 'none'
  maxlen = 0
  readonly minId = new StreamId()
  approximate = false
  /** The most entries that may be removed; 0 = all. */
  limit = 0
  limitGiven = false
  /** Index of the threshold's argument. */
  thresholdAt = 0

  /** Starts over. */
  begin(): void {
    this.strategy = 'none'
    this.approximate = false
    this.limit = 0
    this.limitGiven = false
  }

  /**
   * Reads the option at argument `i` if it is about trimming. Returns the last argument that it
   * takes, or -1.
   */
  take(call: Call, i: number): number {
    const { args } = call
    const more = args.length - 1 - i
    if (more === 0) return -1
    if (args.equalsIgnoreCase(i, 'MAXLEN')) return this.#takeStrategy(call, i, 'maxlen')
    if (args.equalsIgnoreCase(i, 'MINID')) return this.#takeStrategy(call, i, 'minid')
    if (!args.equalsIgnoreCase(i, 'LIMIT')) return -1
    const limit = args.integer(i + 1)
    if (limit < 0) throw ERR.of('The LIMIT argument must be >= 0.')
    this.limit = Number(limit)
    this.limitGiven = true
    return i + 1
  }

  #takeStrategy(call: Call, i: number, strategy: 'maxlen' | 'minid'): number {
    if (this.strategy !== 'none') {
      throw ERR.of('syntax error, MAXLEN and MINID options at the same time are not compatible')
    }
    this.approximate = false
    let at = i + 1
    if (call.args.length - 1 - i >= 2) {
      if (isSymbol(call, at, TILDE)) {
        this.approximate = true
        at++
      } else if (isSymbol(call, at, EQUALS)) {
        at++
      }
    }
    if (strategy === 'maxlen') {
      const maxlen = call.args.integer(at)
      if (maxlen < 0) throw ERR.of('The MAXLEN argument must be >= 0.')
      this.maxlen = Number(maxlen)
    } else {
      readId(call, at, this.minId)
    }
    this.strategy = strategy
    this.thresholdAt = at
    return at
  }

  /** Checks all options together. */
  check(call: Call): void {
    if (this.limit !== 0 && this.strategy === 'none') {
      throw ERR.of('syntax error, LIMIT cannot be used without specifying a trimming strategy')
    }
    if (call.command.name === 'xtrim' && this.strategy === 'none') {
      throw ERR.of('syntax error, XTRIM must be called with a trimming strategy')
    }
    if (call.client.isObeyed) {
      // A replayed command says exactly which entries stay.
      this.limit = 0
    } else if (this.limitGiven) {
      if (!this.approximate) throw ERR.of('syntax error, LIMIT cannot be used without the special ~ option')
    } else if (this.approximate) {
      const entries = 100 * call.engine.config.get('stream-node-max-entries')
      this.limit = entries <= 0 ? DEFAULT_LIMIT : Math.min(entries, LIMIT_MAX)
    }
  }

  /** Trims a stream and returns the number of removed entries. */
  trim(stream: Stream): number {
    if (this.strategy === 'maxlen') return stream.trimToLength(this.maxlen, this.approximate, this.limit)
    return stream.trimToId(this.minId, this.approximate, this.limit)
  }

  /**
   * Replaces the threshold of approximate trimming by the exact outcome, for the journal (invariant
   * 4).
   */
  makeExact(call: Call, stream: Stream): void {
    const { args } = call
    args.rawEnd = 0
    args.replace(this.thresholdAt - 1, exactly, 0, 1)
    const length =
      this.strategy === 'maxlen'
        ? writeInteger(stream.length, thresholdText.u8, 0)
        : edgeId(stream).write(thresholdText, 0)
    args.replace(this.thresholdAt, thresholdText, 0, length)
  }
}

const DEFAULT_LIMIT = 10_000
const LIMIT_MAX = 1_000_000

const exactly = new Source(Buffer.from('=', 'latin1'))
const thresholdText = Source.allocate(ID_TEXT_BYTES_MAX)
const edge = new StreamId()

/**
 * The first entry's id. Without entries it is the largest id, below which everything is removed.
 */
function edgeId(stream: Stream): StreamId {
  return stream.length > 0 ? stream.firstId : edge.setMax()
}

/** Reads argument `i` as a 64-bit integer. For anything else it throws an error with this text. */
export function readInteger(call: Call, i: number, error: string): number | bigint {
  const value = parseInteger(call.args.bytes(i))
  if (value === undefined) throw ERR.of(error)
  return value
}
