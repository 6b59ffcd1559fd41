// XREAD, XREADGROUP: the entries after an id, of several streams. They wait for entries if asked
// to.
//
// A group remembers which entries were delivered to its consumers. `>` asks for entries that are
// new to the group; any other id asks for entries that this consumer was given and has not
// acknowledged.
//
// The command first decides which streams answer and which entries are delivered. Then it writes
// the reply, because the reply begins with their number. The delivered entries are journaled as
// XCLAIM and XGROUP SETID, which replay to the same state (invariant 4).

import type { Word } from '../../engine/effects/effects.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import { Stream, writeStreamId } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { type StreamConsumer, type StreamGroup, StreamPosition } from '../../store/stream/stream-group.ts'
import { ID_BYTES, ID_TEXT_BYTES_MAX, StreamId } from '../../store/stream/stream-id.ts'
import { IndexCursor } from '../../store/stream/stream-index.ts'
import { TYPE_STREAM } from '../../store/structures/value.ts'
import { itemAt } from '../../util/array-reads.ts'
import { type Bytes, Source } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import {
  ABOVE,
  consumerOf,
  DOLLAR,
  isSymbol,
  readEntryCount,
  readId,
  replaceById,
  streamOfGroups,
} from './stream-arguments.ts'
import { entryExists, writeEntries, writeEntryOf } from './stream-replies.ts'
import { propagateClaim } from './xclaim.ts'

/** One stream of the request, and its answer. */
class Asked {
  /** The reply has entries after this id. */
  readonly after = new StreamId()
  /** Undefined when there is none. */
  stream: Stream | undefined = undefined
  group: StreamGroup | undefined = undefined
  consumer: StreamConsumer | undefined = undefined
  answers: 'nothing' | 'entries' | 'history' = 'nothing'
  /**
   * The number of entries in the reply, and the place of the first: in the stream, or among the ids
   * of histories.
   */
  count = 0
  readonly place = new StreamPosition()
  historyAt = 0
}

/** The streams of one command, reused by the next. */
const streams: Asked[] = []
const cursor = new EntryCursor()
const pending = new IndexCursor()
const seen = new StreamId()

/** The options before the streams. */
class ReadOptions {
  timeoutMs = -1
  /** Number.POSITIVE_INFINITY = all. */
  count = Number.POSITIVE_INFINITY
  /** Index of the group's name, which is followed by the consumer's; 0 = no group. */
  groupAt = 0
  /** NOACK: delivered entries count as acknowledged at once. */
  acknowledges = false
  /** Index of the first key. The keys are followed by as many ids. */
  first = 0
  streams = 0
}

const options = new ReadOptions()

function read(call: Call, name: 'XREAD' | 'XREADGROUP'): void {
  parse(call, name)
  forgetHistory()
  for (let i = 0; i < options.streams; i++) lookUp(call, i, name)
  let answering = 0
  for (let i = 0; i < options.streams; i++) {
    const asked = itemAt(streams, i)
    // Redis looks up each stream a second time here, as its counters and `keymiss` show.
    if (asked.stream === undefined) {
      call.db.peek(call.key(options.first + i))
      continue
    }
    call.engine.data.dataset.use.hits++
    if (asked.group !== undefined) deliver(call, asked, call.key(options.first + i))
    else settle(asked, asked.stream)
    if (asked.answers !== 'nothing') answering++
  }
  if (answering > 0) {
    writeReply(call, answering)
  } else if (options.timeoutMs === -1) {
    call.reply.nilArray()
  } else {
    wait(call, name)
  }
  // The request itself is never journaled; its effects are.
  if (call.changes > 0 && call.propagates) call.propagateNothing()
  for (let i = 0; i < options.streams; i++) forget(itemAt(streams, i))
}

// ── arguments ──────────────────────────────────────────────────────────────

function parse(call: Call, name: 'XREAD' | 'XREADGROUP'): void {
  const { args } = call
  const grouped = name === 'XREADGROUP'
  options.timeoutMs = -1
  options.count = Number.POSITIVE_INFINITY
  options.groupAt = 0
  options.acknowledges = false
  options.first = 0
  for (let i = 1; i < args.length && options.first === 0; i++) {
    const more = args.length - 1 - i
    if (more > 0 && args.equalsIgnoreCase(i, 'BLOCK')) {
      if (call.fromScript) throw blockedScript(args.string(0))
      options.timeoutMs = readTimeout(call, ++i)
    } else if (more > 0 && args.equalsIgnoreCase(i, 'COUNT')) {
      options.count = readEntryCount(call, ++i) || Number.POSITIVE_INFINITY
    } else if (more > 0 && args.equalsIgnoreCase(i, 'STREAMS')) {
      if ((more & 1) === 1) throw unbalanced(grouped)
      options.first = i + 1
      options.streams = more >>> 1
    } else if (more > 1 && args.equalsIgnoreCase(i, 'GROUP')) {
      if (!grouped) throw ERR.of('The GROUP option is only supported by XREADGROUP. You called XREAD instead.')
      options.groupAt = i + 1
      i += 2
    } else if (args.equalsIgnoreCase(i, 'NOACK')) {
      if (!grouped) throw ERR.of('The NOACK option is only supported by XREADGROUP. You called XREAD instead.')
      options.acknowledges = true
    } else {
      throw ERR.syntax
    }
  }
  if (options.first === 0) throw ERR.syntax
  if (grouped && options.groupAt === 0) throw ERR.of('Missing GROUP option for XREADGROUP')
}

/**
 * Since 7.2 scripts may call BLPOP and its relatives, which do not wait there. XREAD BLOCK followed
 * only in 7.4.
 */
function blockedScript(name: string): ReplyError {
  return ERR.of(`${name} command is not allowed with BLOCK option from scripts`)
}

function unbalanced(grouped: boolean): ReplyError {
  const [command, id] = grouped ? ['xreadgroup', '>'] : ['xread', '$']
  return ERR.of(`Unbalanced '${command}' list of streams: for each stream key an ID or '${id}' must be specified.`)
}

/** 2^63, minus room for the clock that Redis adds. */
const TIMEOUT_MS_MAX = 2 ** 63 - Date.UTC(2100, 0)

function readTimeout(call: Call, i: number): number {
  const timeout = parseInteger(call.args.bytes(i))
  if (timeout === undefined) throw ERR.timeoutNotInteger
  if (timeout < 0) throw ERR.timeoutNegative
  if (timeout > TIMEOUT_MS_MAX) throw ERR.timeoutOutOfRange
  return Number(timeout)
}

/** Finds a stream, and its group, and reads the id after which entries are requested. */
function lookUp(call: Call, i: number, name: 'XREAD' | 'XREADGROUP'): void {
  if (streams.length <= i) streams.push(new Asked())
  const asked = itemAt(streams, i)
  const keyAt = options.first + i
  const idAt = keyAt + options.streams
  const key = call.key(keyAt)
  const grouped = name === 'XREADGROUP'
  const stream = grouped ? streamOfGroups(call, key) : call.db.getForRead(key, Stream)
  asked.stream = stream
  asked.group = undefined
  asked.answers = 'nothing'
  if (grouped) {
    asked.group = stream?.groups.get(call.args.bytes(options.groupAt))
    if (asked.group === undefined) {
      throw ERR.noGroup(key.toString(), call.args.string(options.groupAt), ' in XREADGROUP with GROUP option')
    }
  }
  if (isSymbol(call, idAt, DOLLAR)) {
    if (grouped) throw ERR.of(MEANINGLESS_DOLLAR)
    if (stream === undefined) asked.after.setZero()
    else asked.after.copyFrom(stream.lastId)
  } else if (isSymbol(call, idAt, ABOVE)) {
    if (!grouped) throw ERR.of(ABOVE_WITHOUT_GROUP)
    asked.after.setMax()
  } else {
    readId(call, idAt, asked.after)
  }
}

const MEANINGLESS_DOLLAR =
  'The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.'
const ABOVE_WITHOUT_GROUP =
  'The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.'

// ── what is answered ───────────────────────────────────────────────────────

/** Determines the answer of a stream without a group. */
function settle(asked: Asked, stream: Stream): void {
  if (stream.length === 0 || stream.lastId.compare(asked.after) <= 0) return
  seen.copyFrom(asked.after).increment()
  if (!stream.seek(seen, cursor, stream.place)) return
  asked.answers = 'entries'
  keepPlace(asked, stream)
  asked.count = options.count === 1 ? 1 : stream.countUpTo(cursor, MAX_ID, options.count)
}

const MAX_ID = new StreamId().setMax()

/** Notes the place of the entry at the cursor, where the reply will begin. */
function keepPlace(asked: Asked, stream: Stream): void {
  const { place } = asked
  place.ref = cursor.node.ref
  place.offset = cursor.at - cursor.node.start
  place.layout = stream.nodes.layout
  place.from.copyFrom(cursor.id)
}

/** Determines the answer of a stream to a group, and delivers new entries. */
function deliver(call: Call, asked: Asked, key: Bytes): void {
  const stream = asked.stream!
  const group = asked.group!
  const consumer = consumerOf(call, key, group, call.args.bytes(options.groupAt + 1))
  asked.consumer = consumer
  if (!asked.after.isMax) {
    asked.answers = 'history'
    // Redis counts one change for the group, even if nothing is delivered.
    call.changedWithin(key)
    deliverAgain(call, asked, key)
    return
  }
  if (stream.length === 0 || stream.lastId.compare(group.lastId) <= 0) return
  seen.copyFrom(group.lastId).increment()
  if (!stream.seek(seen, cursor, group.place)) return
  asked.answers = 'entries'
  keepPlace(asked, stream)
  const now = call.now()
  const { propagates } = call
  let claim: Word[] | undefined
  let count = 0
  try {
    do {
      if (!options.acknowledges) {
        group.deliver(cursor.id, consumer, now, pending)
        consumer.activeTime = now
        if (propagates) {
          claim ??= ['XCLAIM', key, group.name, consumer.name, 0]
          claim.push(cursor.id.toString())
        }
      }
      stream.advance(group, cursor.id)
      count++
      if (claim !== undefined && claim.length === CLAIM_WORDS_MAX) {
        propagateDelivery(call, group, claim, now)
        claim = undefined
      }
    } while (count < options.count && stream.next(cursor))
  } finally {
    // If memory runs out here, the entries delivered so far are journaled all the same.
    asked.count = count
    // Redis counts one change for the group, however many entries are delivered.
    call.changedWithin(key)
    if (claim !== undefined) propagateDelivery(call, group, claim, now)
    if (propagates) {
      call.propagate('XGROUP', 'SETID', key, group.name, group.lastId.toString(), 'ENTRIESREAD', group.entriesRead)
    }
  }
}

/** A long delivery is journaled in several commands, each short enough for every reader. */
const CLAIM_WORDS_MAX = 1000

/** Journals delivered entries, many in one command: they share time and count. */
function propagateDelivery(call: Call, group: StreamGroup, claim: Word[], now: number): void {
  claim.push('TIME', now, 'RETRYCOUNT', 1, 'FORCE', 'JUSTID', 'LASTID', group.lastId.toString())
  call.effects ??= []
  call.effects.push(claim)
}

/**
 * Delivers the consumer's pending entries again, except deleted ones, and notes their ids. Entries
 * that this command delivers for the first time are not among them.
 */
function deliverAgain(call: Call, asked: Asked, key: Bytes): void {
  const stream = asked.stream!
  const group = asked.group!
  const owned = asked.consumer!.pending
  seen.copyFrom(asked.after).increment()
  asked.historyAt = histories.count
  asked.count = 0
  for (let more = owned.seekAtLeast(seen, own); more && asked.count < options.count; more = owned.next(own)) {
    own.id(seen)
    keepHistory(seen)
    asked.count++
    if (!entryExists(stream, seen) || !group.find(seen, pending)) continue
    group.setDeliveryTime(pending, call.now())
    group.countDelivery(pending)
    // Redis does not journal this: after a restart an entry would have a lower delivery count.
    propagateClaim(call, key, group, seen, pending)
  }
}

/** Memory for the running command. */
const histories = {
  /** The ids of the histories of one command, as records. */
  ids: Source.allocate(64 * ID_BYTES),
  count: 0,
}
const own = new IndexCursor()

function keepHistory(id: StreamId): void {
  if ((histories.count + 1) * ID_BYTES > histories.ids.u8.length) {
    const larger = Source.allocate(2 * histories.ids.u8.length)
    histories.ids.u8.copy(larger.u8)
    histories.ids = larger
  }
  id.store(histories.ids, histories.count++ * ID_BYTES)
}

/** After a long history the memory is left to the garbage collector. */
const HISTORY_BYTES_KEPT = 64 * 1024

function forgetHistory(): void {
  histories.count = 0
  if (histories.ids.u8.length > HISTORY_BYTES_KEPT) histories.ids = Source.allocate(64 * ID_BYTES)
}

// ── the reply ──────────────────────────────────────────────────────────────

function writeReply(call: Call, answering: number): void {
  const { reply } = call
  const paired = reply.protocol === 2
  if (paired) reply.array(answering)
  else reply.map(answering)
  for (let i = 0; i < options.streams; i++) {
    const asked = itemAt(streams, i)
    if (asked.answers === 'nothing') continue
    if (paired) reply.array(2)
    reply.bulk(call.key(options.first + i))
    if (asked.answers === 'history') writeHistory(call, asked)
    else writeNew(call, asked)
  }
}

function writeNew(call: Call, asked: Asked): void {
  const stream = asked.stream!
  const { count, place } = asked
  call.reply.array(count)
  stream.seek(place.from, cursor, place)
  writeEntries(call.reply, stream, cursor, count)
  cursor.leave(asked.group === undefined ? stream.place : asked.group.place, stream.nodes.layout)
}

function writeHistory(call: Call, asked: Asked): void {
  const { reply } = call
  reply.array(asked.count)
  for (let i = asked.historyAt; i < asked.historyAt + asked.count; i++) {
    seen.load(histories.ids, i * ID_BYTES)
    if (writeEntryOf(reply, asked.stream!, seen)) continue
    // The entry was deleted meanwhile, so it has no fields.
    reply.array(2)
    writeStreamId(reply, seen)
    reply.nilArray()
  }
}

// ── waiting ────────────────────────────────────────────────────────────────

/** Memory for the running command; grows with the longest command. */
const dollars = {
  /** The ids that replace `$` while a client is parked: the client waits for entries after them. */
  texts: Source.allocate(ID_TEXT_BYTES_MAX * 4),
}

function wait(call: Call, name: 'XREAD' | 'XREADGROUP'): void {
  const keys: string[] = []
  if (dollars.texts.u8.length < ID_TEXT_BYTES_MAX * options.streams) {
    dollars.texts = Source.allocate(ID_TEXT_BYTES_MAX * options.streams)
  }
  for (let i = 0; i < options.streams; i++) {
    keys.push(call.args.string(options.first + i))
    const idAt = options.first + options.streams + i
    if (isSymbol(call, idAt, DOLLAR))
      replaceById(call, idAt, itemAt(streams, i).after, dollars.texts, i * ID_TEXT_BYTES_MAX)
  }
  call.block({
    keys,
    timeoutMs: options.timeoutMs,
    type: TYPE_STREAM,
    servedByDeletion: name === 'XREADGROUP',
    onTimeout: 'nilArray',
  })
}

/** Releases references to a database. */
function forget(asked: Asked): void {
  asked.stream = undefined
  asked.group = undefined
  asked.consumer = undefined
}

// ── specs ──────────────────────────────────────────────────────────────────

const STREAMS = {
  name: 'streams',
  type: 'block',
  token: 'STREAMS',
  args: [
    { name: 'key', type: 'key', multiple: true },
    { name: 'id', type: 'string', multiple: true },
  ],
} as const

export const xread = defineCommand({
  name: 'XREAD',
  summary: 'Returns the entries behind given ids of one or more streams, waiting for some if asked to.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(N) for each stream with N entries returned; a waiting client costs each XADD O(1).',
  arity: -4,
  flags: ['readonly', 'blocking', 'movablekeys'],
  keys: [{ keyword: { word: 'STREAMS', from: 1, last: -1, step: 1, limit: 2 }, access: 'RO', use: 'access' }],
  args: [
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
    { name: 'milliseconds', type: 'integer', token: 'BLOCK', optional: true },
    STREAMS,
  ],
  reply: 'array (RESP3: map): the streams that have some, each with an array of entries; nil when none has',
  run: (call) => read(call, 'XREAD'),
})

export const xreadgroup = defineCommand({
  name: 'XREADGROUP',
  summary: 'Delivers entries that are new to a group to one of its consumers, waiting for some if asked to.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(M) for each stream with M entries returned; a waiting client costs each XADD O(1).',
  arity: -7,
  flags: ['write', 'blocking', 'movablekeys'],
  keys: [{ keyword: { word: 'STREAMS', from: 4, last: -1, step: 1, limit: 2 }, access: 'RO', use: 'access' }],
  args: [
    {
      name: 'group-block',
      type: 'block',
      token: 'GROUP',
      args: [
        { name: 'group', type: 'string' },
        { name: 'consumer', type: 'string' },
      ],
    },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
    { name: 'milliseconds', type: 'integer', token: 'BLOCK', optional: true },
    { name: 'noack', type: 'pure-token', token: 'NOACK', optional: true },
    STREAMS,
  ],
  reply: 'array (RESP3: map): the streams that have some, each with an array of entries; nil when none has',
  run: (call) => read(call, 'XREADGROUP'),
})
