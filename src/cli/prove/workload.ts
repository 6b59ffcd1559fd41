// What is written while the server may die at any moment, and how to tell afterwards what is missing.
//
// A producer has keys of its own and writes 0, 1, 2, … in one of several ways, one
// request at a time. So afterwards its keys must hold 0 … n-1, in order, each once;
// n says how much was recovered, and what was acknowledged (or seen by a reader)
// says how much must be there.

import type { ReplyValue } from '../../protocol/reply-value.ts'

export type Policy = 'always' | 'everysec' | 'none'
export type Reply = ReplyValue<string>

/** Something that takes requests and answers them in order; what is unanswered when it ends is never answered. */
export interface Port {
  send(words: readonly string[], answered: (reply: Reply) => void): void
}

/** Rules for the keys of these policies, and for the messages that channels of theirs keep and have scheduled. */
export function durabilityRules(...policies: readonly Policy[]): string {
  const prefixes = ['', 'channel:{', 'scheduled:channel:{']
  return policies.flatMap((policy) => prefixes.map((prefix) => `${prefix}prove:${policy}:* ${policy}`)).join(' ')
}

/** The rule of the channels that producers publish to. */
export const KEPT = 'prove:* keep forever'

/** One way of writing. */
interface Way {
  /** The command it needs. */
  readonly command: string
  /** Requests that write item `n`; the answer to the last one acknowledges it. */
  write(key: string, n: number): string[][]
  /** A request that shows how many items there are, to another client. */
  look(key: string): string[]
  /** Requests whose replies `items` understands. */
  read(key: string): string[][]
  /** The items found, in order; a text says what is wrong with the replies. */
  items(replies: readonly Reply[]): number[] | string
}

const PUSH_AND_COUNT = "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])"

const WAYS: Readonly<Record<string, Way>> = {
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
    items: ([value]) => Array.from({ length: Number(value ?? 0) }, (_, i) => i),
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
    look: (channel) => ['XLEN', `channel:{${channel}}`],
    read: (channel) => [['XRANGE', `channel:{${channel}}`, '-', '+']],
    items: ([entries]) => entryNumbers(entries),
  },
  /** Messages that are to be published a moment later: each waits, or is there. What waits is asked for first: it may go on meanwhile. */
  schedule: {
    command: 'CHANNEL',
    write: (channel, n) => [['PUBLISH', channel, String(n), 'IN', '5']],
    look: (channel) => ['XLEN', `channel:{${channel}}`],
    read: (channel) => [
      ['CHANNEL', 'PENDING', channel],
      ['XRANGE', `channel:{${channel}}`, '-', '+'],
    ],
    items([waiting, entries]) {
      const published = entryNumbers(entries)
      const last = published.at(-1) ?? -1
      return [...published, ...(waiting as string[][]).map((message) => Number(message[2])).filter((n) => n > last)]
    },
  },
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

/** What is left of one producer's work. */
export interface Finding {
  policy: Policy
  acknowledged: number
  recovered: number
  /** Acknowledged (or, under `always`, shown to a reader) and gone. */
  lost: number
  /** Of those, what its policy's contract does not allow. */
  forbidden: number
  /** What must not be under any policy: a gap, a double, a half unit, something nobody wrote. */
  broken: string | undefined
}

export class Producer {
  readonly policy: Policy
  readonly key: string
  readonly #way: Way
  /** Items sent, and the first so many of them acknowledged. */
  sent = 0
  acknowledged = 0
  /** As many items a reader was shown. */
  seen = 0
  /** When (on `now`'s clock) how many had been acknowledged; only as far back as is needed. */
  #history: { atMs: number; acknowledged: number }[] = []
  /** What went wrong while writing. */
  problem: string | undefined = undefined

  constructor(policy: Policy, way: string, name: string) {
    this.policy = policy
    this.key = `prove:${policy}:${name}:${way}`
    this.#way = WAYS[way]!
  }

  /** Writes for ever, one item after the other. A disk that refuses is asked again. */
  run(port: Port, now: () => number): void {
    const requests = this.#way.write(this.key, this.acknowledged)
    this.sent = this.acknowledged + 1
    let refused = false
    requests.forEach((words, i) => {
      port.send(words, (reply) => {
        if (reply instanceof Error) {
          if (!/^(MISCONF|EXECABORT)/.test(reply.message)) this.problem ??= `${words[0]} failed: ${reply.message}`
          refused = true
        }
        if (i < requests.length - 1 || this.problem !== undefined) return
        // Of a move, the first steps may have been taken: what is to come would repeat them.
        if (refused && requests.length > 1 && words[0] !== 'EXEC') return
        if (!refused) this.#acknowledge(now())
        this.run(port, now)
      })
    })
  }

  #acknowledge(atMs: number): void {
    this.acknowledged++
    const history = this.#history
    history.push({ atMs, acknowledged: this.acknowledged })
    if (history.length > 1024 && history[512]!.atMs < atMs - CONTRACT_MS) history.splice(0, 512)
  }

  /** Has a reader look at what is there. */
  look(port: Port, answered: () => void): void {
    port.send(this.#way.look(this.key), (reply) => {
      this.seen = Math.max(this.seen, Number(reply ?? 0) || 0)
      answered()
    })
  }

  /** Compares what a server holds now with what it acknowledged. `death` says what happened in between, and when. */
  async examine(
    port: Port,
    death: { kind: 'kill' | 'power cut'; atMs: number; diskFailed: boolean },
  ): Promise<Finding> {
    const requests = this.#way.read(this.key)
    const replies = await Promise.all(requests.map((words) => ask(port, words)))
    const items = this.#way.items(replies)
    const recovered = typeof items === 'string' ? 0 : items.length
    const { policy, acknowledged } = this
    let broken = this.problem ?? (typeof items === 'string' ? items : this.#disorder(items))
    if (recovered > this.sent) broken ??= `${recovered} items are there, ${this.sent} were written`
    const known = policy === 'always' ? Math.max(acknowledged, this.seen) : acknowledged
    let promised = known
    if (death.kind === 'power cut') {
      if (policy === 'none' || (policy === 'everysec' && death.diskFailed)) promised = 0
      else if (policy === 'everysec') promised = this.#acknowledgedAt(death.atMs - CONTRACT_MS)
    }
    return {
      policy,
      acknowledged,
      recovered,
      lost: Math.max(0, known - recovered),
      forbidden: Math.max(0, promised - recovered),
      broken: broken === undefined ? undefined : `${this.key}: ${broken}`,
    }
  }

  #acknowledgedAt(ms: number): number {
    let acknowledged = 0
    for (const entry of this.#history) {
      if (entry.atMs > ms) break
      acknowledged = entry.acknowledged
    }
    return acknowledged
  }

  #disorder(items: readonly number[]): string | undefined {
    const at = items.findIndex((item, i) => item !== i)
    return at === -1 ? undefined : `at place ${at} there is ${items[at]}`
  }
}

/** `everysec` may lose what was acknowledged in the last second, and while the sync after it ran. */
export const CONTRACT_MS = 2000

/** Makes producers of every way that the server has, `copies` of each for each policy. */
export async function createProducers(
  port: Port,
  policies: readonly Policy[],
  life: number,
  copies: number,
): Promise<Producer[]> {
  const ways = Object.keys(WAYS)
  const known = (await ask(port, ['COMMAND', 'INFO', ...ways.map((way) => WAYS[way]!.command)])) as Reply[]
  const producers: Producer[] = []
  for (const policy of policies) {
    for (const [i, way] of ways.entries()) {
      if (known[i] === null) continue
      for (let copy = 0; copy < copies; copy++) producers.push(new Producer(policy, way, `${life}.${copy}`))
    }
  }
  return producers
}

/** Sends one request and waits for its reply. */
export function ask(port: Port, words: readonly string[]): Promise<Reply> {
  return new Promise((resolve) => port.send(words, resolve))
}

/** Reads what producers wrote, over and over. */
export function runReader(port: Port, producers: readonly Producer[]): void {
  let next = 0
  const look = (): void => producers[next++ % producers.length]!.look(port, look)
  look()
}

/** Has the server save and rewrite its files again and again; whether it wants to at the moment does not matter. */
export function runOperator(port: Port, pause: (then: () => void) => void): void {
  let next = 0
  const save = (): void => {
    port.send([next++ % 3 === 2 ? 'BGSAVE' : 'BGREWRITEAOF'], () => pause(save))
  }
  pause(save)
}
