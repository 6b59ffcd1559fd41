// The rules that keep messages of channels and treat slow or absent subscribers: `channel
// "orders.*" keep 24h max-messages 1000000`, `channel "rates.*" keep-last 1 slow conflate`.
//
// A rule is a glob pattern and options; pattern-rules.ts tells which rule decides about a channel.
// Its options are complete: a shorter pattern that matches the same channel adds nothing. A word
// that is no option begins the next rule.

import { itemAt } from '../util/array-reads.ts'
import { durationMs, durationText } from '../util/time/duration.ts'
import { ConfigError, parseMemory } from './config-kinds.ts'

/**
 * The first messages of a subscriber without a remembered position: all that are kept, the last N,
 * or only new ones.
 */
export type First = 'all' | 'new' | number

/**
 * The treatment of a subscriber that reads too slowly. `disconnect`: it is disconnected when its
 * output limit is reached. Otherwise it stays, and loses messages that it cannot take: the oldest,
 * the newest, or all but the last of each channel.
 */
export type Slow = 'disconnect' | 'drop-oldest' | 'drop-newest' | 'conflate'

export interface ChannelRule {
  readonly pattern: string
  /** How long a message is kept, milliseconds; Infinity = for ever; 0 = not by its age. */
  readonly keepMs: number
  /** How many messages of a channel are kept; Infinity = any number. */
  readonly maxMessages: number
  /** How many bytes of a channel are kept; Infinity = any number. */
  readonly maxBytes: number
  /** This many messages are kept, however old; 0 = not by their number. */
  readonly keepLast: number
  readonly first: First
  readonly slow: Slow
  /** How long the id of a message is remembered (PUBLISH … ID), milliseconds; 0 = not at all. */
  readonly dedupeMs: number
  /**
   * How long the position of an absent subscriber is remembered, milliseconds; Infinity = for ever.
   */
  readonly rememberMs: number
  /**
   * How many positions of one user's subscribers are remembered, in all channels of the rule
   * together.
   */
  readonly maxRemembered: number
  /** Whether connections of one name listen beside each other, or a second one is refused. */
  readonly names: Names
}

/** Connections of one name share its read position, or a name has one connection only. */
export type Names = 'shared' | 'exclusive'

/** A user rarely has more named clients than this; their positions take some 30 MB. */
const MAX_REMEMBERED = 100_000
const DAY_MS = 24 * 60 * 60 * 1000

/**
 * How long an absent subscriber is remembered unless its rule says so: twice the age of messages.
 * So it still hears all kept messages when it comes back, and a day spans a night. Where only a
 * number of messages is kept, it is a week.
 */
function usualRememberMs({ keepMs }: Pick<ChannelRule, 'keepMs'>): number {
  return keepMs === 0 ? 7 * DAY_MS : Math.max(DAY_MS, 2 * keepMs)
}

/** True when a rule keeps any messages. */
export function keeps(rule: ChannelRule): boolean {
  return rule.keepMs > 0 || rule.keepLast > 0
}

const SLOW: readonly string[] = ['disconnect', 'drop-oldest', 'drop-newest', 'conflate'] satisfies Slow[]

type Draft = { -readonly [Name in keyof ChannelRule]: ChannelRule[Name] } & { said: Set<string> }

/** Option → reads its words, from the one behind it on, and returns how many it took. */
const OPTIONS: Readonly<Record<string, (rule: Draft, words: readonly string[], at: number) => number>> = {
  keep(rule, words, at) {
    rule.keepMs = words[at] === 'forever' ? Number.POSITIVE_INFINITY : duration(rule, 'keep', words[at])
    return 1
  },
  'max-messages'(rule, words, at) {
    rule.maxMessages = count(rule, 'max-messages', words[at])
    return 1
  },
  'max-bytes'(rule, words, at) {
    const bytes = parseMemory(words[at] ?? '')
    if (bytes === undefined || bytes < 1) throw wrong(rule, 'max-bytes wants a size, such as 64mb')
    rule.maxBytes = bytes
    return 1
  },
  'keep-last'(rule, words, at) {
    rule.keepLast = count(rule, 'keep-last', words[at])
    return 1
  },
  first(rule, words, at) {
    const word = words[at]
    if (word === 'all' || word === 'new') {
      rule.first = word
      return 1
    }
    if (word !== 'last') throw wrong(rule, 'first wants all, new, or last and a number')
    rule.first = count(rule, 'first last', words[at + 1])
    return 2
  },
  slow(rule, words, at) {
    const word = words[at] ?? ''
    if (!SLOW.includes(word)) throw wrong(rule, `slow wants one of ${SLOW.join(', ')}`)
    rule.slow = word as Slow
    return 1
  },
  dedupe(rule, words, at) {
    rule.dedupeMs = duration(rule, 'dedupe', words[at])
    return 1
  },
  remember(rule, words, at) {
    rule.rememberMs = words[at] === 'forever' ? Number.POSITIVE_INFINITY : duration(rule, 'remember', words[at])
    return 1
  },
  'max-remembered'(rule, words, at) {
    rule.maxRemembered = count(rule, 'max-remembered', words[at])
    return 1
  },
  names(rule, words, at) {
    const word = words[at]
    if (word !== 'shared' && word !== 'exclusive') throw wrong(rule, 'names wants shared or exclusive')
    rule.names = word
    return 1
  },
}

/**
 * Reads `pattern option … pattern option …`. A pattern given twice keeps its last rule. Throws
 * ConfigError.
 */
export function parseChannelRules(text: string): ChannelRule[] {
  const words = text.split(' ').filter((word) => word !== '')
  const rules = new Map<string, ChannelRule>()
  for (let at = 0; at < words.length; ) {
    const draft: Draft = {
      pattern: itemAt(words, at++),
      keepMs: 0,
      maxMessages: Number.POSITIVE_INFINITY,
      maxBytes: Number.POSITIVE_INFINITY,
      keepLast: 0,
      first: 'new',
      slow: 'disconnect',
      dedupeMs: 0,
      rememberMs: 0,
      maxRemembered: MAX_REMEMBERED,
      names: 'shared',
      said: new Set(),
    }
    for (let word = words[at]?.toLowerCase(); word !== undefined && Object.hasOwn(OPTIONS, word); ) {
      if (draft.said.has(word)) throw wrong(draft, `${word} is said twice`)
      draft.said.add(word)
      at += 1 + OPTIONS[word]!(draft, words.map(lower), at + 1)
      word = words[at]?.toLowerCase()
    }
    const rule = finished(draft)
    rules.delete(rule.pattern)
    rules.set(rule.pattern, rule)
  }
  return [...rules.values()]
}

function lower(word: string): string {
  return word.toLowerCase()
}

/** Checks that the options of a rule go together. */
function finished({ said, ...rule }: Draft): ChannelRule {
  if (said.size === 0) throw wrong(rule, 'an option is missing: keep, keep-last, slow, …')
  // A subscriber of last values wants them at once.
  if (rule.keepLast > 0 && !said.has('first')) rule.first = rule.keepLast
  if (!said.has('remember')) rule.rememberMs = usualRememberMs(rule)
  if (keeps(rule)) {
    if (rule.slow === 'drop-oldest' || rule.slow === 'drop-newest') {
      throw wrong(rule, `what is kept is not dropped: slow ${rule.slow} and keep exclude each other`)
    }
    return rule
  }
  for (const word of ['max-messages', 'max-bytes', 'first', 'dedupe', 'remember', 'max-remembered', 'names']) {
    if (said.has(word))
      throw wrong(rule, `${word} says something of messages that are kept: keep or keep-last is missing`)
  }
  return rule
}

/** Prints rules as `parseChannelRules` reads them. */
export function formatChannelRules(rules: readonly ChannelRule[]): string {
  return rules.map(({ pattern, ...rule }) => `${pattern} ${formatOptions(rule)}`).join(' ')
}

/** Prints the options of a rule. */
export function formatOptions(rule: Omit<ChannelRule, 'pattern'>): string {
  const words: string[] = []
  if (rule.keepMs > 0) words.push('keep', formatDuration(rule.keepMs))
  if (rule.maxMessages !== Number.POSITIVE_INFINITY) words.push('max-messages', String(rule.maxMessages))
  if (rule.maxBytes !== Number.POSITIVE_INFINITY) words.push('max-bytes', String(rule.maxBytes))
  if (rule.keepLast > 0) words.push('keep-last', String(rule.keepLast))
  if (rule.first !== (rule.keepLast > 0 ? rule.keepLast : 'new')) {
    words.push('first', typeof rule.first === 'number' ? `last ${rule.first}` : rule.first)
  }
  if (rule.slow !== 'disconnect' || words.length === 0) words.push('slow', rule.slow)
  if (rule.dedupeMs > 0) words.push('dedupe', formatDuration(rule.dedupeMs))
  if (rule.rememberMs !== usualRememberMs(rule)) words.push('remember', formatDuration(rule.rememberMs))
  if (rule.maxRemembered !== MAX_REMEMBERED) words.push('max-remembered', String(rule.maxRemembered))
  if (rule.names !== 'shared') words.push('names', rule.names)
  return words.join(' ')
}

function formatDuration(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return 'forever'
  return durationText(ms)
}

function duration(rule: Draft, option: string, word: string | undefined): number {
  const ms = durationMs(word ?? '')
  if (ms === undefined) throw wrong(rule, `${option} wants a duration, such as 30s, 15m, 24h or 7d`)
  return ms
}

function count(rule: Draft, option: string, word: string | undefined): number {
  if (!/^[1-9][0-9]{0,14}$/.test(word ?? '')) throw wrong(rule, `${option} wants a number above 0`)
  return Number(word)
}

function wrong({ pattern }: { readonly pattern: string }, why: string): ConfigError {
  return new ConfigError(`the rule of '${pattern}': ${why}`)
}
