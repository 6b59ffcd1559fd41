// The options of PUBLISH and SPUBLISH, for a message that is published once for each id, or later.
//
// The id is checked when the message is accepted. The id of a scheduled message is remembered from
// then on, and is not checked again when the message is published.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import type { Answer } from '../../channels/log/recent-ids.ts'
import type { Options } from '../../engine/requests/options.ts'
import type { ArgSpec } from '../../engine/spec/command.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { nearestName } from '../../util/bytes/nearest-name.ts'
import { durationMs } from '../../util/time/duration.ts'
import type { Call } from '../call.ts'

/** The number of words in a request without options: the command, the channel, the message. */
export const PLAIN_WORDS = 3
/** The longest id of a message: each id is remembered for a while. */
const ID_BYTES_MAX = 512
/**
 * The longest word that can be an option with one typing error.
 */
const WORD_BYTES_MAX = 3
/** The latest possible time: up to it a double counts milliseconds exactly. */
const TIME_MS_MAX = Number.MAX_SAFE_INTEGER

const WRONG_ID = ERR.of(`ID wants between 1 and ${ID_BYTES_MAX} bytes`)
const NOT_REMEMBERED = ERR.of('ID without IN or AT wants a channel rule with dedupe')
const WRONG_TIME = ERR.of('IN wants milliseconds, or a duration such as 5s, 15m, 24h or 7d')
const WORDS = ['ID', 'IN', 'AT']

export const PUBLISH_OPTIONS: readonly ArgSpec[] = [
  { name: 'id', type: 'string', token: 'ID', optional: true },
  {
    name: 'time',
    type: 'oneof',
    optional: true,
    args: [
      { name: 'milliseconds', type: 'integer', token: 'IN' },
      { name: 'unix-time-milliseconds', type: 'unix-time', token: 'AT' },
    ],
  },
]

/**
 * Returns true if a word begins an option, or probably should: it has one typing error, and a value
 * behind it. Other words get Redis's reply.
 */
export function isPublishOption(args: Arguments, at: number): boolean {
  return isOption(args, at) || isMisspelt(args, at)
}

function isOption(args: Arguments, at: number): boolean {
  return WORDS.some((word) => args.equalsIgnoreCase(at, word))
}

function isMisspelt(args: Arguments, at: number): boolean {
  const isPair = (args.length - at) % 2 === 0
  return isPair && args.bytes(at).length <= WORD_BYTES_MAX && nearestName(args.string(at), WORDS) !== undefined
}

function unknownOption(word: string): ReplyError {
  return ERR.of(
    `unknown option '${word}': behind the message may stand ID id, and IN milliseconds (or 5s, 15m, 24h, 7d) or AT unix-time-milliseconds`,
  )
}

interface PublishOptions {
  /** The id that names the message. */
  id: Bytes | undefined
  /** The time of its publication, in Unix milliseconds; undefined = now. */
  dueMs: number | undefined
}

function readOptions(call: Call): PublishOptions {
  const read: PublishOptions = { id: undefined, dueMs: undefined }
  const options = call.options(PLAIN_WORDS)
  while (options.next()) {
    if (read.id === undefined && options.is('ID')) {
      read.id = options.bytes()
      if (read.id.length === 0 || read.id.length > ID_BYTES_MAX) throw WRONG_ID
    } else if (read.dueMs === undefined && options.is('IN')) {
      read.dueMs = call.now() + readDelay(options, TIME_MS_MAX - call.now())
    } else if (read.dueMs === undefined && options.is('AT')) {
      read.dueMs = options.integer(0, TIME_MS_MAX)
    } else {
      const { args } = call
      throw isOption(args, options.index) ? ERR.syntax : unknownOption(args.string(options.index))
    }
  }
  return read
}

/** Reads milliseconds, or a duration in the format of rules. */
function readDelay(options: Options, max: number): number {
  const text = options.string()
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : durationMs(text.toLowerCase())
  if (ms === undefined || ms > max) throw WRONG_TIME
  return ms
}

/**
 * Publishes as the options say. If the channel remembers the id, the reply is that of the first
 * message with this id, and nothing is published.
 */
export function publishWithOptions(call: Call, kind: ChannelKind): void {
  const { id, dueMs } = readOptions(call)
  const {
    effects: { propagation },
  } = call.engine
  const channels = call.engine.parts.channels
  const channel = call.args.string(1)
  const dedupeMs = channels.logs.ruleOf(channel, kind)?.dedupeMs ?? 0
  if (dueMs === undefined && dedupeMs === 0) throw NOT_REMEMBERED
  const remembers = id !== undefined && dedupeMs > 0
  let answer = remembers ? channels.recentIds.find(kind, channel, id) : undefined
  if (answer === undefined) {
    propagation.beginUnit()
    try {
      answer = accept(call, kind, id, dueMs)
      if (remembers) channels.recentIds.add(kind, channel, id, answer, call.now() + dedupeMs)
    } finally {
      propagation.endUnit()
    }
  }
  if (typeof answer === 'number') call.reply.integer(answer)
  else call.reply.bulk(answer)
}

/** Publishes a message, or schedules it. Returns the reply for its sender. */
function accept(call: Call, kind: ChannelKind, id: Bytes | undefined, dueMs: number | undefined): Answer {
  const channels = call.engine.parts.channels
  const channel = call.args.bytes(1)
  const message = call.args.bytes(2)
  return dueMs === undefined
    ? channels.publish(kind, channel, message)
    : channels.schedule.add(kind, channel, message, id, dueMs)
}
