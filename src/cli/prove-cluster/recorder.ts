// Clients that work on the cluster while it is in trouble, and remember what they asked and heard.
//
// They push values that nobody else pushes (alone, in a transaction into two lists, in a script with a counter), read lists, at the leader and
// elsewhere, write, read and swap registers, and count. What may be done with what they remember is in prove/histories.ts.

import type { Random } from '../../util/random.ts'
import { performance, sleep } from '../../util/real-time.ts'
import { type Counting, checkCounter, checkList, checkRegister, type Operation } from '../prove/histories.ts'
import type { Reply } from '../prove/ways.ts'
import { Client } from './client.ts'
import { Unreached } from './connection.ts'
import type { Member } from './member.ts'

const LISTS = 4
const REGISTERS = 4
/** The next list, or register, is begun after so many operations: reading a list costs its length, checking a register more than that. */
const OPERATIONS_OF_LIST = 400
const OPERATIONS_OF_REGISTER = 60
/** A client that was refused, or reached nobody, rests so long at most. */
const REST_MS_MAX = 40

const PUSH_AND_COUNT = "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])"

/** What a client asks, and what it remembers of it. */
interface Asked {
  readonly operations: readonly Operation[]
  readonly counting?: Counting
  readonly requests: readonly string[][]
  /** Takes the last reply. */
  readonly read?: (reply: Reply) => void
}

export interface Totals {
  acknowledged: number
  refused: number
  unknown: number
  reads: number
}

export class Recorder {
  readonly totals: Totals = { acknowledged: 0, refused: 0, unknown: 0, reads: 0 }
  /** When a write was last acknowledged, and the longest time between two, since it was last looked at. */
  #lastWriteMs = performance.now()
  #longestPauseMs = 0
  readonly #brokers: readonly Member[]
  readonly #random: Random
  readonly #prefix: string
  readonly #operations = new Map<string, Operation[]>()
  readonly #countings = new Map<string, Counting[]>()
  /** Pushes of one transaction. */
  readonly #together: (readonly Operation[])[] = []
  /** Which list, or register, of a row of them is worked on. */
  readonly #families = new Map<string, number>()
  #values = 0
  #isOver = false
  readonly #clients: Promise<void>[] = []

  /** Keys begin with the prefix. */
  constructor(brokers: readonly Member[], random: Random, prefix: string) {
    this.#brokers = brokers
    this.#random = random
    this.#prefix = prefix
  }

  start(clients: number): void {
    for (let i = 0; i < clients; i++) this.#clients.push(this.#work(i))
  }

  /** Ends the clients, when they have their answers. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
  }

  /** The longest time for which no write was acknowledged, since this was last asked. */
  takeLongestPauseMs(): number {
    const pauseMs = Math.max(this.#longestPauseMs, performance.now() - this.#lastWriteMs)
    this.#longestPauseMs = 0
    return pauseMs
  }

  /** When a write was last acknowledged. */
  get lastWriteMs(): number {
    return this.#lastWriteMs
  }

  get keys(): string[] {
    return [...this.#operations.keys(), ...this.#countings.keys()]
  }

  /** Returns all that is wrong with what clients saw, where the cluster holds this. Lists are arrays, others text; null = there is none. */
  problems(held: ReadonlyMap<string, Reply>): string[] {
    const found: string[] = []
    const add = (key: string, problem: string | undefined): void => {
      if (problem !== undefined) found.push(`${key}: ${problem}`)
    }
    for (const [key, operations] of this.#operations) {
      const value = held.get(key)
      if (kindOf(key) === 'list') add(key, checkList(operations, (value as string[] | null) ?? []))
      else add(key, checkRegister([...operations, lastRead(key, value as string | null)]))
    }
    for (const [key, countings] of this.#countings) add(key, checkCounter(countings, Number(held.get(key) ?? 0)))
    for (const pushes of this.#together) {
      const there = pushes.filter(({ key, value }) => (held.get(key) as string[] | null)?.includes(value))
      if (there.length !== 0 && there.length !== pushes.length)
        found.push(`a transaction is there by half: ${pushes[0]!.value} in ${there.map(({ key }) => key)}`)
    }
    return found
  }

  // ── working ──────────────────────────────────────────────────────────────

  async #work(number: number): Promise<void> {
    const client = new Client(this.#brokers, this.#random)
    // What became of the last is not known: registers with many such take too long to check.
    let isInDoubt = false
    while (!this.#isOver) {
      const isLookingElsewhere = this.#random.below(12) === 0
      const asked = isLookingElsewhere ? this.#readOfList(number) : this.#draw(number, isInDoubt)
      const outcome = await this.#ask(client, asked, isLookingElsewhere)
      isInDoubt = outcome !== 'done'
      if (outcome === 'done') continue
      client.forget()
      await sleep(1 + this.#random.below(REST_MS_MAX))
    }
    client.forget()
  }

  async #ask(client: Client, asked: Asked, isAnybodyAsked: boolean): Promise<Operation['outcome']> {
    const { counting, operations, read, requests } = asked
    const isRead = operations[0]!.kind === 'list' || operations[0]!.kind === 'read'
    let outcome: Operation['outcome'] = 'unknown'
    try {
      // Together with a read it is asked who answers: followers may be behind.
      const all = isRead ? [['ROLE'], ...requests] : requests
      const replies = await (isAnybodyAsked ? client.askAnybody(all) : client.askLeader(all))
      if (replies.some((reply) => reply instanceof Error)) outcome = 'none'
      else {
        outcome = 'done'
        if (isRead) operations[0]!.isLate = (replies[0] as Reply[])[0] !== 'master'
        read?.(replies.at(-1)!)
      }
    } catch (error) {
      if (error instanceof Unreached) outcome = 'none'
    }
    const nowMs = performance.now()
    for (const one of counting === undefined ? operations : [...operations, counting]) {
      one.outcome = outcome
      if (outcome !== 'unknown') one.endedMs = nowMs
    }
    this.#tally(outcome, isRead, nowMs)
    return outcome
  }

  #tally(outcome: Operation['outcome'], isRead: boolean, nowMs: number): void {
    const { totals } = this
    if (outcome === 'unknown') totals.unknown++
    else if (outcome === 'none') totals.refused++
    else if (isRead) totals.reads++
    else {
      totals.acknowledged++
      this.#longestPauseMs = Math.max(this.#longestPauseMs, nowMs - this.#lastWriteMs)
      this.#lastWriteMs = nowMs
    }
  }

  // ── what they ask ────────────────────────────────────────────────────────

  #draw(client: number, isInDoubt: boolean): Asked {
    const value = `${client}-${++this.#values}`
    switch (this.#random.below(isInDoubt ? 4 : 10)) {
      case 0:
      case 1: {
        const key = this.#list()
        return { operations: [this.#remember('push', key, client, value)], requests: [['RPUSH', key, value]] }
      }
      case 2: {
        const keys = [0, 1].map((i) => this.#list(i))
        const operations = keys.map((key) => this.#remember('push', key, client, value))
        this.#together.push(operations)
        return { operations, requests: [['MULTI'], ...keys.map((key) => ['RPUSH', key, value]), ['EXEC']] }
      }
      case 3: {
        const key = this.#list()
        const counter = `${this.#prefix}counter`
        const counting = this.#count(counter)
        return {
          operations: [this.#remember('push', key, client, value)],
          counting,
          requests: [['EVAL', PUSH_AND_COUNT, '2', key, counter, value]],
          read: (reply) => {
            counting.count = Number(reply)
          },
        }
      }
      case 4:
      case 5: {
        const key = this.#register()
        return { operations: [this.#remember('write', key, client, value)], requests: [['SET', key, value]] }
      }
      case 6: {
        const key = this.#register()
        const swap = this.#remember('swap', key, client, value)
        return {
          operations: [swap],
          requests: [['SET', key, value, 'GET']],
          read: (reply) => {
            swap.seen = [String(reply ?? '')]
          },
        }
      }
      case 7:
      case 8: {
        const key = this.#register()
        const read = this.#remember('read', key, client, '')
        return {
          operations: [read],
          requests: [['GET', key]],
          read: (reply) => {
            read.seen = [String(reply ?? '')]
          },
        }
      }
      default:
        return this.#readOfList(client)
    }
  }

  #readOfList(client: number): Asked {
    const key = this.#list()
    const read = this.#remember('list', key, client, `${client}-${++this.#values}`)
    return {
      operations: [read],
      requests: [['LRANGE', key, '0', '-1']],
      read: (reply) => {
        read.seen = reply as string[]
      },
    }
  }

  #list(number = this.#random.below(LISTS)): string {
    return this.#current(`${this.#prefix}list:${number}`, OPERATIONS_OF_LIST)
  }

  #register(): string {
    return this.#current(`${this.#prefix}register:${this.#random.below(REGISTERS)}`, OPERATIONS_OF_REGISTER)
  }

  /** The key of this family that has not had enough yet. */
  #current(family: string, operationsMax: number): string {
    let number = this.#families.get(family) ?? 0
    if ((this.#operations.get(`${family}:${number}`)?.length ?? 0) >= operationsMax)
      this.#families.set(family, ++number)
    return `${family}:${number}`
  }

  #remember(kind: Operation['kind'], key: string, client: number, value: string): Operation {
    const operation: Operation = {
      client,
      key,
      kind,
      value,
      beganMs: performance.now(),
      endedMs: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      seen: [],
      isLate: false,
    }
    addTo(this.#operations, key, operation)
    return operation
  }

  #count(key: string): Counting {
    const counting: Counting = {
      beganMs: performance.now(),
      endedMs: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      count: 0,
    }
    addTo(this.#countings, key, counting)
    return counting
  }
}

/** Reads what a key holds by this request. */
export function requestFor(key: string): string[] {
  return kindOf(key) === 'list' ? ['LRANGE', key, '0', '-1'] : ['GET', key]
}

const kindOf = (key: string): 'list' | 'other' => (key.includes(':list:') ? 'list' : 'other')

/** What is there in the end was read after everything else. */
function lastRead(key: string, value: string | null): Operation {
  const atMs = performance.now()
  return {
    client: -1,
    key,
    kind: 'read',
    value: '',
    beganMs: atMs,
    endedMs: atMs,
    outcome: 'done',
    seen: [value ?? ''],
    isLate: false,
  }
}

function addTo<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}
