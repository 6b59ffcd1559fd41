// Clients that work on the cluster while it is in trouble, and remember what they asked and heard.
//
// They push values that nobody else pushes (alone, in a transaction into two lists, in a script with a counter), read lists, at the leader and
// elsewhere, write, read and swap registers, and count. They publish messages that a rule keeps, by each command that does so, at the leader and elsewhere:
// that is a push into the channel's stream. Others have opened a connection to the leader and rest: they read by it when a broker has stood still.
// What may be done with what they remember is in durability/histories.ts. What brokers say that they are is looked at all the while (role-watch.ts).

import type { Random } from '../../util/numbers/random.ts'
import { performance, sleep } from '../../util/time/real-time.ts'
import { type Counting, checkCounter, checkList, checkRegister, type Operation } from '../durability/histories.ts'
import type { Reply } from '../durability/ways.ts'
import { Client } from './client.ts'
import { Connection, Unreached } from './connection.ts'
import type { Member } from './member.ts'
import { problemOfRoles } from './role-watch.ts'

const LISTS = 4
const REGISTERS = 4
/** The next list, or register, is begun after so many operations: reading a list costs its length, checking a register more than that. */
const OPERATIONS_OF_LIST = 400
const OPERATIONS_OF_REGISTER = 60
/** A client that was refused, or reached nobody, rests so long at most. */
const REST_MS_MAX = 40

/** Channels of each kind; their names match the rule that brokers have (broker.ts). */
const CHANNELS = 2
/** Connections that rest. When a broker has stood still half of them are used within this time, the others when it has found out that another leads. */
const RESTING_CLIENTS = 12
const RESTING_READ_MS_MAX = 150
const RESTING_LOOK_MS = 20
const RESTING_PATIENCE_MS = 1500
const QUIET_LOOK_MS = 5
/** So often each broker is asked what it is. */
const ROLE_LOOK_MS = 25

const PUBLISH = "return redis.call('PUBLISH', KEYS[1], ARGV[1])"
const SPUBLISH = "return redis.call('SPUBLISH', KEYS[1], ARGV[1])"
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
  /** Nobody asks anything but those that rest; so many requests are under way still. */
  #isQuiet = false
  #underWay = 0
  readonly #clients: Promise<void>[] = []
  /** What brokers said of themselves that cannot be. */
  readonly #roleProblems = new Set<string>()

  /** Keys begin with the prefix. */
  constructor(brokers: readonly Member[], random: Random, prefix: string) {
    this.#brokers = brokers
    this.#random = random
    this.#prefix = prefix
  }

  start(clients: number): void {
    for (let i = 0; i < clients; i++) this.#clients.push(this.#work(i))
    for (let i = 0; i < RESTING_CLIENTS; i++) this.#clients.push(this.#rest(clients + i))
    for (const broker of this.#brokers) this.#clients.push(this.#watchRole(broker))
  }

  /** Ends the clients, when they have their answers. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
  }

  /** Has clients ask nothing until `goOn`. Fulfilled when all have their answers: then no write is under way. */
  async fallQuiet(): Promise<void> {
    this.#isQuiet = true
    while (this.#underWay > 0 && !this.#isOver) await sleep(1)
  }

  goOn(): void {
    this.#isQuiet = false
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
    return [...this.#operations.keys(), ...this.#countings.keys()].map(storedUnder)
  }

  /** Returns all that is wrong with what clients saw, where the cluster holds this. Lists are arrays, others text; null = there is none. */
  problems(held: ReadonlyMap<string, Reply>): string[] {
    const found: string[] = [...this.#roleProblems]
    const add = (key: string, problem: string | undefined): void => {
      if (problem !== undefined) found.push(`${key}: ${problem}`)
    }
    for (const [key, operations] of this.#operations) {
      const value = held.get(storedUnder(key))
      if (kindOf(key) === 'list') add(key, checkList(operations, (value as string[] | null) ?? []))
      else if (kindOf(key) === 'stream') add(key, checkList(operations, messagesIn(value ?? [])))
      else add(key, checkRegister([...operations, lastRead(key, value as string | null)]))
    }
    for (const [key, countings] of this.#countings) add(key, checkCounter(countings, Number(held.get(key) ?? 0)))
    for (const pushes of this.#together) {
      const there = pushes.filter(({ key, value }) => valuesIn(key, held).includes(value))
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
      if (this.#isQuiet) {
        // Who leads may be another when it goes on.
        client.forget()
        await sleep(QUIET_LOOK_MS)
        continue
      }
      const isLookingElsewhere = this.#random.below(12) === 0
      const isPublishing = isLookingElsewhere && this.#random.below(2) === 0
      const elsewhere = (): Asked => (isPublishing ? this.#publishing(number) : this.#readOfList(number))
      const asked = isLookingElsewhere ? elsewhere() : this.#draw(number, isInDoubt)
      this.#underWay++
      const outcome = await this.#ask(client, asked, isLookingElsewhere)
      this.#underWay--
      isInDoubt = outcome !== 'done'
      if (outcome === 'done') continue
      client.forget()
      await sleep(1 + this.#random.below(REST_MS_MAX))
    }
    client.forget()
  }

  /** Keeps a connection that was opened to the leader, and reads by it when its broker has stood still: what it is told must not be old. */
  async #rest(number: number): Promise<void> {
    const client = new Client(this.#brokers, this.#random)
    while (!this.#isOver) {
      await sleep(RESTING_LOOK_MS)
      const found = await client.openToLeader().catch(() => undefined)
      if (found === undefined) continue
      const { broker, connection } = found
      const probe = new Connection(broker.host, broker.port)
      while (!this.#isOver && !connection.isClosed && broker.isUp) {
        if (broker.isPaused) {
          while (!this.#isOver && broker.isPaused) await sleep(1)
          if (number % 2 === 0) await sleep(this.#random.below(RESTING_READ_MS_MAX))
          else await this.#lossBy(probe)
          await this.#readResting(number, connection)
        }
        await sleep(RESTING_LOOK_MS)
      }
      probe.end()
      connection.end()
    }
  }

  /** Asks by a connection that rested, too, until its broker has found out that it leads no more; or it seems that it still does. */
  async #lossBy(probe: Connection): Promise<void> {
    const endMs = performance.now() + RESTING_PATIENCE_MS
    while (performance.now() < endMs) {
      try {
        const [role] = await probe.ask([['ROLE']], RESTING_PATIENCE_MS)
        if ((role as Reply[])[0] !== 'master') return
      } catch {
        // What is not answered when the lead is lost is cut off.
        return
      }
      await sleep(1)
    }
  }

  async #readResting(number: number, connection: Connection): Promise<void> {
    const { operations, read, requests } = this.#readOfRegister(number)
    const [operation] = operations
    try {
      const [reply] = await connection.ask(requests, RESTING_PATIENCE_MS)
      operation!.outcome = reply instanceof Error ? 'none' : 'done'
      if (!(reply instanceof Error)) read!(reply!)
    } catch {
      // Nothing was answered, so nothing was old.
      operation!.outcome = 'none'
    }
    operation!.endedMs = performance.now()
    this.#tally(operation!.outcome, true, operation!.endedMs)
  }

  async #watchRole(broker: Member): Promise<void> {
    while (!this.#isOver) {
      const problem = await problemOfRoles(broker)
      if (problem !== undefined) this.#roleProblems.add(problem)
      await sleep(ROLE_LOOK_MS)
    }
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
    if (this.#random.below(4) === 0) return this.#publishing(client)
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
      case 8:
        return this.#readOfRegister(client)
      default:
        return this.#readOfList(client)
    }
  }

  /** Publishes a message that is kept, in one of all the ways that there are; or reads what a channel has kept. */
  #publishing(client: number): Asked {
    const value = `${client}-${++this.#values}`
    const way = this.#random.below(8)
    const channel = this.#channel(way < 2 ? 'shard-kept' : 'kept')
    const message = (): Operation => this.#remember('push', channel, client, value)
    switch (way) {
      case 0:
        return { operations: [message()], requests: [['SPUBLISH', channel, value]] }
      case 1:
        return { operations: [message()], requests: [['EVAL', SPUBLISH, '1', channel, value]] }
      case 2:
        return { operations: [message()], requests: [['EVAL', PUBLISH, '1', channel, value]] }
      case 3:
        return { operations: [message()], requests: [['PUBLISH', channel, value, 'ID', value]] }
      case 4: {
        const list = this.#list()
        const operations = [message(), this.#remember('push', list, client, value)]
        this.#together.push(operations)
        return { operations, requests: [['MULTI'], ['PUBLISH', channel, value], ['RPUSH', list, value], ['EXEC']] }
      }
      case 5: {
        const read = this.#remember('list', channel, client, value)
        return {
          operations: [read],
          requests: [requestFor(storedUnder(channel))],
          read: (reply) => {
            read.seen = messagesIn(reply)
          },
        }
      }
      default:
        return { operations: [message()], requests: [['PUBLISH', channel, value]] }
    }
  }

  #readOfRegister(client: number): Asked {
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

  #channel(kind: 'kept' | 'shard-kept'): string {
    return this.#current(`${this.#prefix}${kind}:${this.#random.below(CHANNELS)}`, OPERATIONS_OF_LIST)
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
  if (kindOf(key) === 'stream') return ['XRANGE', key, '-', '+']
  return kindOf(key) === 'list' ? ['LRANGE', key, '0', '-1'] : ['GET', key]
}

function kindOf(key: string): 'list' | 'stream' | 'other' {
  if (key.includes('kept:')) return 'stream'
  return key.includes(':list:') ? 'list' : 'other'
}

/** The messages of a channel lie under a key of its own. */
function storedUnder(name: string): string {
  if (kindOf(name) !== 'stream') return name
  return name.includes(':shard-kept:') ? `schannel:{${name}}` : `channel:{${name}}`
}

/** The texts of a stream's entries. */
function messagesIn(entries: Reply): string[] {
  return (entries as [id: string, fields: [name: string, text: string]][]).map(([, [, text]]) => text)
}

function valuesIn(key: string, held: ReadonlyMap<string, Reply>): string[] {
  const value = held.get(storedUnder(key)) ?? []
  return kindOf(key) === 'stream' ? messagesIn(value) : (value as string[])
}

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
