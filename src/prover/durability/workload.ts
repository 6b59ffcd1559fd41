// The producers' work while the server may die at any moment, and how to tell afterwards what is
// missing.
//
// A producer has its own keys and writes 0, 1, 2, … in one of several ways, one request at a time.
// So afterwards its keys must hold 0 … n-1, in order, each once. n tells how much was recovered.
// The items that were acknowledged (or seen by a reader) tell how much must be there.

import { assert } from '../../util/assert.ts'
import { hearUntil, listen } from './trial-subscriber.ts'
import { ask, type WorkloadClient } from './workload-client.ts'
import { type ListenerKind, type Reply, WRITE_METHODS, type WriteMethod } from './write-methods.ts'

export type Policy = 'always' | 'everysec' | 'none'

/**
 * Rules for keys with these policies, and for what belongs to their channels: messages, schedules,
 * ids, read positions.
 */
export function durabilityRules(...policies: readonly Policy[]): string {
  const prefixes = ['', 'channel:{', 'scheduled:channel:{', 'ids:channel:{', 'places:channel:{']
  return policies.flatMap((policy) => prefixes.map((prefix) => `${prefix}prove:${policy}:* ${policy}`)).join(' ')
}

/** The rule for the channels that producers publish to. */
export const KEPT = 'prove:* keep forever dedupe 1h'

/** The remains of one producer's work. */
export interface Finding {
  policy: Policy
  acknowledged: number
  recovered: number
  /** Acknowledged (or, under `always`, seen by a reader) and lost. */
  lost: number
  /** The number of lost items that the policy's contract does not allow to be lost. */
  forbidden: number
  /**
   * A violation under any policy: a gap, a duplicate, half a unit, a value that was never written.
   */
  broken: string | undefined
}

export class Producer {
  readonly policy: Policy
  readonly key: string
  readonly #way: WriteMethod
  /** The number of items sent, and how many of them were acknowledged. */
  sent = 0
  acknowledged = 0
  /** The number of items that a reader saw. */
  seen = 0
  /** The number of items that its own listener has received; undefined until it listens. */
  #heard: number | undefined = undefined
  /**
   * How many items had been acknowledged at which time (on `now`'s clock); only as far back as
   * needed.
   */
  #history: { atMs: number; acknowledged: number }[] = []
  /** A failure while writing. */
  problem: string | undefined = undefined

  constructor(policy: Policy, way: string, name: string) {
    this.policy = policy
    this.key = `prove:${policy}:${name}:${way}`
    const found = WRITE_METHODS[way]
    assert(found !== undefined, 'a producer writes in a known way')
    this.#way = found
  }

  /** Writes one item after the other, without end. A refusal by a failing disk is repeated. */
  run(port: WorkloadClient, now: () => number): void {
    const { listener } = this.#way
    if (listener !== undefined && this.#heard === undefined) this.#listen(listener, port, now)
    const requests = this.#way.write(this.key, this.acknowledged)
    this.sent = this.acknowledged + 1
    let refused = false
    requests.forEach((words, i) => {
      port.send(words, (reply) => {
        if (this.#isRefusal(words, reply)) refused = true
        if (i < requests.length - 1 || this.problem !== undefined) return
        // The first steps of a move may have been carried out: going on would repeat them.
        if (refused && requests.length > 1 && words[0] !== 'EXEC') return
        if (!refused && listener?.acknowledges === true) return
        if (!refused) this.#acknowledge(now())
        this.run(port, now)
      })
    })
  }

  /** Tells whether a request was refused; any refusal but that of a failing disk is a problem. */
  #isRefusal(words: readonly string[], reply: Reply): boolean {
    if (!(reply instanceof Error)) return false
    if (!/^(MISCONF|EXECABORT)/.test(reply.message)) this.problem ??= `${words[0]} failed: ${reply.message}`
    return true
  }

  /** Subscribes its listener, which acknowledges messages if they count by that. */
  #listen(listener: ListenerKind, port: WorkloadClient, now: () => number): void {
    this.#heard = 0
    const acknowledge = (id: string): void => {
      const words = ['CHANNEL', 'ACK', this.key, id]
      port.send(words, (reply) => {
        if (this.#isRefusal(words, reply)) {
          if (this.problem === undefined) acknowledge(id)
          return
        }
        this.#acknowledge(now())
        this.run(port, now)
      })
    }
    listen(port, listener, this.key, (text, id) => {
      this.#heard = Number(text) + 1
      if (id !== undefined) acknowledge(id)
    })
  }

  #acknowledge(atMs: number): void {
    this.acknowledged++
    const history = this.#history
    history.push({ atMs, acknowledged: this.acknowledged })
    if (history.length > 1024 && (history[512]?.atMs ?? atMs) < atMs - CONTRACT_MS) history.splice(0, 512)
  }

  /** Lets a reader look at what is there. */
  look(port: WorkloadClient, answered: () => void): void {
    port.send(this.#way.look(this.key), (reply) => {
      this.seen = Math.max(this.seen, this.#way.seen?.(reply) ?? Number(reply ?? 0))
      answered()
    })
  }

  /**
   * Compares what a server holds now with what it acknowledged. `death` says what happened in
   * between, and when; `connect` makes another connection.
   */
  async examine(
    port: WorkloadClient,
    connect: () => WorkloadClient,
    death: { kind: 'kill' | 'power cut'; atMs: number; diskFailed: boolean },
  ): Promise<Finding> {
    const items = await this.#items(port)
    const recovered = typeof items === 'string' ? 0 : items.length
    const { policy, acknowledged } = this
    let broken = this.problem ?? (typeof items === 'string' ? items : this.#disorder(items))
    broken ??= await this.#sentAgain(port, recovered)
    broken ??= await this.#heardAgain(port, connect)
    if (recovered > this.sent) broken ??= `${recovered} items are there, but only ${this.sent} were written`
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

  async #items(port: WorkloadClient): Promise<number[] | string> {
    const requests = this.#way.read(this.key)
    return this.#way.items(await Promise.all(requests.map((words) => ask(port, words))))
  }

  /** Sends an item again that must not be accepted twice; returns the contradiction. */
  async #sentAgain(port: WorkloadClient, recovered: number): Promise<string | undefined> {
    const { again } = this.#way
    if (again === undefined || recovered === 0) return undefined
    await ask(port, again(this.key, recovered - 1))
    const after = await this.#items(port)
    return after.length === recovered ? undefined : `item ${recovered - 1} was sent again and accepted again`
  }

  /**
   * Lets its listener come back: it must receive everything that it has not received, in order;
   * returns the contradiction.
   */
  async #heardAgain(port: WorkloadClient, connect: () => WorkloadClient): Promise<string | undefined> {
    const { listener } = this.#way
    if (listener === undefined) return undefined
    const [count, lag] = await Promise.all(
      [['XLEN', `channel:{${this.key}}`], listener.lag(this.key)].map((words) => ask(port, words)),
    )
    if (count === 0) return undefined
    if (lag === null) return `there are ${count} messages, but their subscriber is not remembered`
    const first = Number(count) - Number(lag)
    if (first > (this.#heard ?? 0)) return `${first} messages count as received, but only ${this.#heard} were`
    const hearing = hearUntil(connect(), listener, this.key, END)
    await ask(port, ['PUBLISH', this.key, END])
    const heard = await hearing
    const expected = Array.from({ length: Number(lag) }, (_, i) => String(first + i))
    if (heard.join() === expected.join()) return undefined
    return `from ${first} to ${Number(count) - 1} must be received, received is ${heard.slice(0, 20).join(', ')}`
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

/** The message behind all those that a listener must receive. */
const END = 'end'

/**
 * `everysec` may lose what was acknowledged in the last second, and while the sync after it ran.
 */
export const CONTRACT_MS = 2000

/** Makes producers of every way that the server supports, `copies` of each for each policy. */
export async function createProducers(
  port: WorkloadClient,
  policies: readonly Policy[],
  life: number,
  copies: number,
): Promise<Producer[]> {
  const ways = Object.entries(WRITE_METHODS)
  const known = (await ask(port, ['COMMAND', 'INFO', ...ways.map(([, { command }]) => command)])) as Reply[]
  const producers: Producer[] = []
  for (const policy of policies) {
    for (const [i, [way]] of ways.entries()) {
      if (known[i] === null) continue
      for (let copy = 0; copy < copies; copy++) producers.push(new Producer(policy, way, `${life}.${copy}`))
    }
  }
  return producers
}

/** Reads what producers wrote, over and over. */
export function runReader(port: WorkloadClient, producers: readonly Producer[]): void {
  let next = 0
  const look = (): void => producers[next++ % producers.length]?.look(port, look)
  look()
}

/** Makes the server save and rewrite its files again and again; refusals do not matter. */
export function runOperator(port: WorkloadClient, pause: (then: () => void) => void): void {
  let next = 0
  const save = (): void => {
    port.send([next++ % 3 === 2 ? 'BGSAVE' : 'BGREWRITEAOF'], () => pause(save))
  }
  pause(save)
}
