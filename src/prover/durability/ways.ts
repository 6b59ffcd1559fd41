// The ways in which producers write, and how to tell afterwards which items are there.

import type { ReplyValue } from '../../protocol/reply-value.ts'

export type Reply = ReplyValue<string>

/** One way of writing. */
export interface Way {
  /** The command it needs. */
  readonly command: string
  /** Requests that write item `n`; the answer to the last one acknowledges it. */
  write(key: string, n: number): string[][]
  /** A request that shows how many items there are, to another client. */
  look(key: string): string[]
  /** How many the reply tells of, where it is no number. */
  seen?(reply: Reply): number
  /** Requests whose replies `items` understands. */
  read(key: string): string[][]
  /** The items found, in order; a text says what is wrong with the replies. */
  items(replies: readonly Reply[]): number[] | string
  /** A request that is no news: item `n`, which is there, sent once more. */
  again?(key: string, n: number): string[]
  /** Who hears what is written: it goes on where it was when it comes back. */
  listener?: Listening
}

/** A subscriber that is remembered. */
export interface Listening {
  /** How its connection is named; undefined = not at all. */
  readonly name: string | undefined
  /** What it subscribes to. */
  target(channel: string): string
  /** It says of each message that it has heard it; the answer to that acknowledges the item. */
  readonly acknowledges: boolean
  /** A request that says how many messages it has not heard; null = nothing is remembered of it. */
  lag(channel: string): string[]
}

/** A subscriber with a name. */
const LISTENER: Listening = {
  name: 'prover',
  target: (channel) => channel,
  acknowledges: true,
  lag: (channel) => ['CHANNEL', 'LAG', channel, 'default', 'prover'],
}

const PUSH_AND_COUNT = "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])"

export const WAYS: Readonly<Record<string, Way>> = {
  push: {
    command: 'RPUSH',
    write: (key, n) => [['RPUSH', key, String(n)]],
    look: (key) => ['LLEN', key],
    read: (key) => [['LRANGE', key, '0', '-1']],
    items: ([list]) => numbers(list),
  },
  /** A job goes through three lists, as queues have it. */
  move: {
    command: 'LMOVE',
    write: (key, n) => [
      ['RPUSH', `${key}:wait`, String(n)],
      ['LMOVE', `${key}:wait`, `${key}:active`, 'LEFT', 'RIGHT'],
      ['LMOVE', `${key}:active`, `${key}:done`, 'LEFT', 'RIGHT'],
    ],
    look: (key) => ['LLEN', `${key}:done`],
    read: (key) => ['done', 'active', 'wait'].map((list) => ['LRANGE', `${key}:${list}`, '0', '-1']),
    items: (lists) => lists.flatMap(numbers),
  },
  transaction: {
    command: 'EXEC',
    write: (key, n) => [['MULTI'], ['RPUSH', key, String(n)], ['INCR', `${key}:count`], ['EXEC']],
    look: (key) => ['LLEN', key],
    read: listAndCount,
    items: countedItems,
  },
  script: {
    command: 'EVAL',
    write: (key, n) => [['EVAL', PUSH_AND_COUNT, '2', key, `${key}:count`, String(n)]],
    look: (key) => ['LLEN', key],
    read: listAndCount,
    items: countedItems,
  },
  set: {
    command: 'SET',
    write: (key, n) => [['SET', key, String(n + 1)]],
    look: (key) => ['GET', key],
    read: (key) => [['GET', key]],
    items: ([value]) => firstNumbers(Number(value ?? 0)),
  },
  stream: {
    command: 'XADD',
    write: (key, n) => [['XADD', key, '*', 'n', String(n)]],
    look: (key) => ['XLEN', key],
    read: (key) => [['XRANGE', key, '-', '+']],
    items: ([entries]) => entryNumbers(entries),
  },
  /** Messages to a channel that keeps them: where they lie is told in docs/channels.md. */
  publish: {
    command: 'PUBLISH',
    write: (channel, n) => [['PUBLISH', channel, String(n)]],
    look: messageCount,
    read: messages,
    items: ([entries]) => entryNumbers(entries),
  },
  /** As above, each sent twice: the second time it is none. */
  dedupe: {
    command: 'PUBLISH',
    write: (channel, n) => [publishOnce(channel, n), publishOnce(channel, n)],
    look: messageCount,
    read: messages,
    items: ([entries]) => entryNumbers(entries),
    again: publishOnce,
  },
  /** Messages that a subscriber with a name hears and acknowledges: what counts is its place. */
  place: {
    command: 'CHANNEL',
    write: (channel, n) => [['PUBLISH', channel, String(n)]],
    // An id, and how many messages there were up to it.
    look: (channel) => ['HGET', `places:channel:{${channel}}`, 'default prover'],
    seen: (place) => Number(String(place).split(' ')[1] ?? 0),
    read: (channel) => [messageCount(channel), LISTENER.lag(channel)],
    // What it has not heard is the last.
    items: ([count, lag]) => firstNumbers(lag === null ? 0 : Number(count) - Number(lag)),
    listener: LISTENER,
  },
  /** Messages that a group hears. How far it has come is written down now and then: it may hear some again, and misses none. */
  group: {
    command: 'CHANNEL',
    write: (channel, n) => [['PUBLISH', channel, String(n)]],
    look: messageCount,
    read: messages,
    items: ([entries]) => entryNumbers(entries),
    listener: {
      name: undefined,
      target: (channel) => `$share/provers/${channel}`,
      acknowledges: false,
      lag: (channel) => ['CHANNEL', 'LAG', channel, '$share', 'provers'],
    },
  },
  /** Messages that are to be published a moment later: each waits, or is there. What waits is asked for first: it may go on meanwhile. */
  schedule: {
    command: 'CHANNEL',
    write: (channel, n) => [['PUBLISH', channel, String(n), 'IN', '5']],
    look: messageCount,
    read: (channel) => [['CHANNEL', 'PENDING', channel], ...messages(channel)],
    items([waiting, entries]) {
      const published = entryNumbers(entries)
      const last = published.at(-1) ?? -1
      return [...published, ...(waiting as string[][]).map((message) => Number(message[2])).filter((n) => n > last)]
    },
  },
}

function publishOnce(channel: string, n: number): string[] {
  return ['PUBLISH', channel, String(n), 'ID', String(n)]
}

function messageCount(channel: string): string[] {
  return ['XLEN', `channel:{${channel}}`]
}

function messages(channel: string): string[][] {
  return [['XRANGE', `channel:{${channel}}`, '-', '+']]
}

function firstNumbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/** The numbers in entries of one field each. */
function entryNumbers(entries: Reply | undefined): number[] {
  return (entries as [string, string[]][]).map(([, fields]) => Number(fields[1]))
}

function numbers(list: Reply | undefined): number[] {
  return (list as string[]).map(Number)
}

function listAndCount(key: string): string[][] {
  return [
    ['LRANGE', key, '0', '-1'],
    ['GET', `${key}:count`],
  ]
}

function countedItems([list, count]: readonly Reply[]): number[] | string {
  const items = numbers(list)
  if (Number(count ?? 0) !== items.length)
    return `a unit is there by half: ${items.length} items, counted ${count ?? 0}`
  return items
}
