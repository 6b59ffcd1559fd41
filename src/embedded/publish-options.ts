// Converts the options of `broker.publish` to words of PUBLISH.

import { anyText, OptionError, type OptionKind, takeOptions } from '../server/boot/options.ts'
import { type Duration, durationOf } from '../util/time/duration.ts'
import { checkText, checkWord, type Word } from './argument-checks.ts'

export interface PublishOptions {
  /** Publishes after a delay: milliseconds, or text such as `5s`, `15m`, `24h`. */
  in?: Duration
  /** Publishes at a time: a Date, or Unix milliseconds. */
  at?: Date | number
  /**
   * The id of the message: a second message with the same id is not published. Without `in` or `at`
   * the channel needs a rule with `dedupe`.
   */
  id?: string
}

const PUBLISH_OPTIONS = {
  in: {
    what: 'milliseconds, or text such as 30s, 15m, 24h or 7d',
    accepts: (value: unknown) => typeof value === 'string' || typeof value === 'number',
  },
  at: {
    what: 'a Date, or Unix milliseconds',
    accepts: (value: unknown) => value instanceof Date || typeof value === 'number',
  },
  id: anyText,
} satisfies Record<keyof PublishOptions, OptionKind>

/** Makes words of a message and its options. Throws TypeError and OptionError. */
export function publishWords(channel: string, message: Word, given: PublishOptions | undefined): Word[] {
  checkText('publish()', 'channel', channel)
  checkWord('publish()', 'message', message)
  return given === undefined ? [channel, message] : [channel, message, ...wordsOf(given)]
}

function wordsOf(given: PublishOptions): Word[] {
  const { at, id, in: delay } = takeOptions(given, PUBLISH_OPTIONS)
  if (delay !== undefined && at !== undefined) throw new OptionError("option 'at': 'in' says a time already")
  const words: Word[] = id === undefined ? [] : ['ID', id]
  if (delay !== undefined) words.push('IN', Math.round(durationOf(delay, "option 'in'")))
  if (at !== undefined) words.push('AT', timeOf(at))
  return words
}

function timeOf(at: Date | number): number {
  const ms = Number(at)
  if (!Number.isFinite(ms) || ms < 0) throw new OptionError("option 'at': a Date, or Unix milliseconds")
  return Math.round(ms)
}
