// The ways in which producers write, and how to tell afterwards which items are there.

import type { ReplyValue } from '../../protocol/reply-value.ts'

export type Reply = ReplyValue<string>

/** One way of writing. */
export interface WriteMethod {
  /** The command it needs. */
  readonly command: string
  /** Requests that write item `n`; the reply to the last one acknowledges it. */
  write(key: string, n: number): string[][]
  /** A request by which another client sees how many items there are. */
  look(key: string): string[]
  /** The number of items in the reply, when the reply is not a number. */
  seen?(reply: Reply): number
  /** Requests whose replies `items` understands. */
  read(key: string): string[][]
  /** The items found, in order; a string describes a contradiction. */
  items(replies: readonly Reply[]): number[] | string
  /** A request that sends item `n`, which is there already, once more. */
  again?(key: string, n: number): string[]
  /** A listener for the items, which continues where it was when it comes back. */
  listener?: ListenerKind
}

/** A subscriber whose position is remembered. */
export interface ListenerKind {
  /** The name of its connection; undefined = none. */
  readonly name: string | undefined
  /** The name it subscribes to. */
  target(channel: string): string
  /** Whether it acknowledges each message; the reply to that acknowledges the item. */
  readonly acknowledges: boolean
  /**
   * A request for the number of messages it has not received; a null reply = the subscriber is
   * unknown.
   */
  lag(channel: string): string[]
}

/** A subscriber with a name. */
const LISTENER: ListenerKind = {
  name: 'prover',
  target: (channel) => channel,
  acknowledges: true,
  lag: (channel) => ['CHANNEL', 'LAG', channel, 'default', 'prover'],
}

const PUSH_AND_COUNT = "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])"

export const WRITE_METHODS: Readonly<Record<string, WriteMethod>> = {
  push: {
    command: 'RPUSH',
    write: (key, n) => [['RPUSH', key, String(n)]],
    look: (key) => ['LLEN', key],
    read: (key) => [['LRANGE', key, '0', '-1']],
    items: ([list]) => numbers(list),
  },
  /** A job that moves through three lists, as in queues. */
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
  /** Messages to a channel that keeps them; docs/channels.md has the key. */
  publish: {
    command: 'PUBLISH',
    write: (channel, n) => [['PUBLISH', channel, String(n)]],
    look: messageCount,
    read: messages,
    items: ([entries]) => entryNumbers(entries),
  },
  /** The same, with each message sent twice: the second one is ignored. */
  dedupe: {
    command: 'PUBLISH',
    write: (channel, n) => [publishOnce(channel, n), publishOnce(channel, n)],
    look: messageCount,
    read: messages,
    items: ([entries]) => entryNumbers(entries),
    again: publishOnce,
  },
  /** Messages that a named subscriber receives and acknowledges: its read position is checked. */
  place: {
    command: 'CHANNEL',
    write: (channel, n) => [['PUBLISH', channel, String(n)]],
    // An id, and the number of messages up to it.
    look: (channel) => ['HGET', `places:channel:{${channel}}`, 'default prover'],
    seen: (place) => Number(String(place).split(' ')[1] ?? 0),
    read: (channel) => [messageCount(channel), LISTENER.lag(channel)],
    // The messages it lacks are the last ones.
    items: ([count, lag]) => firstNumbers(lag === null ? 0 : Number(count) - Number(lag)),
    listener: LISTENER,
  },
  /**
   * Messages that a group receives. Its read position is written from time to time: it may receive
   * some again, and misses none.
   */
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
  /**
   * Messages that are published a moment later: each is waiting or published. Waiting messages are
   * read first, because they may be published meanwhile.
   */
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
  if (Number(count ?? 0) !== items.length) return `half a unit is there: ${items.length} items, counted ${count ?? 0}`
  return items
}
