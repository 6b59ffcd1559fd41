// Clients that use the cluster while it has faults, and record their requests and replies.
//
// They push unique values (alone, in a transaction into two lists, in a script with a counter),
// read lists at the leader and at other brokers, write, read and swap registers, and count. They
// publish messages that a rule keeps, with each command that can, at the leader and at other
// brokers; each such message is pushed into the stream of its channel. Other clients have opened a
// connection to the leader and stay idle; they read over it when a broker has been paused.
// durability/history-check.ts checks the records. Meanwhile the roles that brokers report are watched
// (role-watch.ts).

import type { Random } from '../../util/numbers/random.ts'
import { performance, sleep } from '../../util/time/real-time.ts'
import { type Counting, checkCounter, checkList, checkRegister, type Operation } from '../durability/history-check.ts'
import type { Reply } from '../durability/write-methods.ts'
import { PUSH_EVENTS } from './broker.ts'
import { ClusterClient } from './cluster-client.ts'
import { Connection, Unreached } from './connection.ts'
import type { RoundHistory } from './history-file.ts'
import { NamedListener } from './named-listener.ts'
import { problemOfRoles } from './role-watch.ts'
import type { TrialProcess } from './trial-process.ts'

const LISTS = 4
const REGISTERS = 4
/**
 * The next list, or register, is begun after this many operations: reading a list costs its length,
 * checking a register costs more than that.
 */
const OPERATIONS_OF_LIST = 400
const OPERATIONS_OF_REGISTER = 60
/** The longest pause of a client after a refusal, or when it reached no broker. */
const REST_MS_MAX = 40

/** Channels of each kind; their names match the brokers' rule (broker.ts). */
const CHANNELS = 2
/**
 * Idle connections. When a broker has been paused, half of them are used within this time, the
 * others when it has noticed that another broker leads.
 */
const RESTING_CLIENTS = 12
const RESTING_CLIENTS_OF_SLOT = 4
const RESTING_READ_MS_MAX = 150
const RESTING_LOOK_MS = 20
const RESTING_PATIENCE_MS = 1500
const QUIET_LOOK_MS = 5
/**
 * Named subscribers of the kept channels, and the time that they get in the end to hear what they
 * missed.
 */
const NAMED_LISTENERS = 3
const HEARING_MS = 20_000
const HEARING_LOOK_MS = 50
/** The longest delay of a scheduled message, in milliseconds. */
const SCHEDULED_MS_MAX = 400
/** The kept messages of this channel are the keys that were pushed to. */
const EVENTS_KEY = `channel:{${PUSH_EVENTS}}`
/** The number before the text of a scheduled message. */
const SCHEDULED_NUMBER_CHARS = 17
/** How often each broker is asked for its role. */
const ROLE_LOOK_MS = 25

const PUBLISH = "return redis.call('PUBLISH', KEYS[1], ARGV[1])"
const SPUBLISH = "return redis.call('SPUBLISH', KEYS[1], ARGV[1])"
const PUSH_AND_COUNT = "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])"

/** The operations of one request or transaction. */
type Operations = readonly [Operation, ...Operation[]]

/** The requests of a client, and the operations recorded for them. */
interface Asked {
  readonly operations: Operations
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

export interface RecorderOptions {
  /** The time that named subscribers get in the end to hear the messages that they missed. */
  readonly hearingMs?: number | undefined
  /**
   * All keys have one hash tag, which is in the prefix, and there are several shards. No messages are
   * kept then: their channels have slots of their own.
   */
  readonly isOneSlot?: boolean
}

export class Recorder {
  readonly totals: Totals = { acknowledged: 0, refused: 0, unknown: 0, reads: 0 }
  /**
   * When a write was last acknowledged, and the longest time between two, since
   * `takeLongestPauseMs`.
   */
  #lastWriteMs = performance.now()
  #longestPauseMs = 0
  /** Requests to the leader that were refused or not answered, since `takeFailures`. */
  #failures = 0
  readonly #brokers: readonly TrialProcess[]
  readonly #random: Random
  readonly #prefix: string
  /** A key of the slot in use, where there are several shards. */
  readonly #slotKey: string | undefined
  readonly #operations = new Map<string, Operation[]>()
  readonly #countings = new Map<string, Counting[]>()
  /** The pushes of each transaction. */
  readonly #together: Operations[] = []
  /** The number of the list or register in use, by family. */
  readonly #families = new Map<string, number>()
  #values = 0
  #isOver = false
  /** Only idle clients send requests; this many requests are still in flight. */
  #isQuiet = false
  #underWay = 0
  readonly #clients: Promise<void>[] = []
  readonly #listeners: NamedListener[]
  /** Contradictions between the roles that a broker reported. */
  readonly #roleProblems = new Set<string>()
  readonly #hearingMs: number
  /**
   * The messages that named subscribers missed, of those that were published when they were waited
   * for. A scheduled message may be published when they are gone.
   */
  #neverHeard: readonly string[] = []

  /** All keys begin with the prefix. */
  constructor(brokers: readonly TrialProcess[], random: Random, prefix: string, options: RecorderOptions = {}) {
    const { hearingMs = HEARING_MS, isOneSlot = false } = options
    this.#hearingMs = hearingMs
    this.#brokers = brokers
    this.#random = random
    this.#prefix = prefix
    this.#slotKey = isOneSlot ? prefix : undefined
    this.#listeners = Array.from(
      { length: isOneSlot ? 0 : NAMED_LISTENERS },
      (_, i) => new NamedListener(brokers, random, `${prefix}listener-${i}`, `${prefix}kept:*`),
    )
  }

  start(clients: number): void {
    for (let i = 0; i < clients; i++) this.#clients.push(this.#work(i))
    const resting = this.#slotKey === undefined ? RESTING_CLIENTS : RESTING_CLIENTS_OF_SLOT
    for (let i = 0; i < resting; i++) this.#clients.push(this.#rest(clients + i))
    for (const broker of this.#brokers) this.#clients.push(this.#watchRole(broker))
    for (const listener of this.#listeners) listener.start()
  }

  /** Ends the clients when they have their replies. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
  }

  /**
   * Waits until the named subscribers have heard what the cluster holds, within reason, and ends
   * them.
   */
  async stopListening(held: ReadonlyMap<string, Reply>): Promise<void> {
    const endMs = performance.now() + this.#hearingMs
    while (this.#unheard(held).length > 0 && performance.now() < endMs) await sleep(HEARING_LOOK_MS)
    this.#neverHeard = this.#unheard(held)
    await Promise.all(this.#listeners.map((listener) => listener.stop()))
  }

  /**
   * Stops requests until `goOn`. Resolves when all clients have their replies: then no write is in
   * flight.
   */
  async fallQuiet(): Promise<void> {
    this.#isQuiet = true
    while (this.#underWay > 0 && !this.#isOver) await sleep(1)
  }

  goOn(): void {
    this.#isQuiet = false
  }

  /** The longest time without an acknowledged write, since the last call. */
  takeLongestPauseMs(): number {
    const pauseMs = Math.max(this.#longestPauseMs, performance.now() - this.#lastWriteMs)
    this.#longestPauseMs = 0
    return pauseMs
  }

  /** How many requests to the leader failed, since the last call. */
  takeFailures(): number {
    const failures = this.#failures
    this.#failures = 0
    return failures
  }

  /** When a write was last acknowledged. */
  get lastWriteMs(): number {
    return this.#lastWriteMs
  }

  /**
   * Everything recorded, and the final contents as reads after all else. Contents of channels are
   * in the file as far as clients have read them.
   */
  history(held: ReadonlyMap<string, Reply>): RoundHistory {
    const together = new Set(this.#together.flat())
    const entries: (readonly Operation[])[] = [...this.#together]
    for (const [key, operations] of this.#operations) {
      for (const operation of operations) if (!together.has(operation)) entries.push([operation])
      const value = held.get(storedUnder(key))
      const last = lastRead(key, value as string | null)
      if (kindOf(key) === 'list') entries.push([{ ...last, kind: 'list', seen: (value as string[] | null) ?? [] }])
      else if (kindOf(key) === 'other') entries.push([last])
    }
    return { entries, countings: this.#countings }
  }

  get keys(): string[] {
    const names = [...this.#operations.keys()]
    const scheduled = names.filter((name) => kindOf(name) === 'stream').flatMap(scheduledUnder)
    return [...[...names, ...this.#countings.keys()].map(storedUnder), ...scheduled, ...this.#eventKeys]
  }

  get #eventKeys(): string[] {
    return this.#slotKey === undefined ? [EVENTS_KEY] : []
  }

  /**
   * Returns all contradictions between the clients' records and `held`, the final contents of the
   * cluster. Lists are arrays, other values text; null = the key does not exist.
   */
  problems(held: ReadonlyMap<string, Reply>): string[] {
    const found: string[] = [...this.#roleProblems]
    const add = (key: string, problem: string | undefined): void => {
      if (problem !== undefined) found.push(`${key}: ${problem}`)
    }
    for (const [key, operations] of this.#operations) {
      const value = held.get(storedUnder(key))
      if (kindOf(key) === 'list') add(key, checkList(operations, (value as string[] | null) ?? []))
      else if (kindOf(key) === 'stream') add(key, this.#problemOfChannel(key, operations, held))
      else add(key, checkRegister([...operations, lastRead(key, value as string | null)]))
    }
    for (const [key, countings] of this.#countings) add(key, checkCounter(countings, Number(held.get(key) ?? 0)))
    for (const pushes of this.#together) {
      const there = pushes.filter(({ key, value }) => valuesIn(key, held).includes(value))
      if (there.length !== 0 && there.length !== pushes.length)
        found.push(`half a transaction is there: ${pushes[0].value} in ${there.map(({ key }) => key)}`)
    }
    if (this.#eventKeys.length > 0) found.push(...problemsOfEvents(held))
    found.push(...this.#neverHeard)
    return found
  }

  /**
   * Returns the fault in the messages that a channel keeps, or will publish later; undefined =
   * nothing.
   */
  #problemOfChannel(
    channel: string,
    operations: readonly Operation[],
    held: ReadonlyMap<string, Reply>,
  ): string | undefined {
    const published = messagesIn(held.get(storedUnder(channel)) ?? [])
    const texts = (held.get(scheduledUnder(channel)[0]) ?? []) as string[]
    const waiting = new Set(texts.map((text) => text.slice(SCHEDULED_NUMBER_CHARS)))
    const twice = published.find((text) => waiting.has(text))
    if (twice !== undefined) return `${twice} was published, and is scheduled`
    return checkList(
      operations.filter(({ value }) => !waiting.has(value)),
      published,
    )
  }

  /**
   * Returns which messages a named subscriber has not heard, of those that began to be published
   * while its name was known.
   */
  #unheard(held: ReadonlyMap<string, Reply>): string[] {
    const found: string[] = []
    for (const [channel, operations] of this.#operations) {
      if (kindOf(channel) !== 'stream' || channel.includes(':shard-kept:')) continue
      const kept = new Set(messagesIn(held.get(storedUnder(channel)) ?? []))
      for (const { beganMs, kind, value } of operations) {
        if (kind !== 'push' || !kept.has(value)) continue
        for (const { listensFromMs, name } of this.#listeners.filter((one) => !one.hasHeard(channel, value)))
          if (beganMs > listensFromMs) found.push(`${name} has not heard ${value} of ${channel}`)
      }
    }
    return found
  }

  // ── clients ──────────────────────────────────────────────────────────────

  async #work(number: number): Promise<void> {
    const client = new ClusterClient(this.#brokers, this.#random, {
      hearsNotices: number % 2 === 1,
      key: this.#slotKey,
    })
    // The outcome of the last request is unknown: registers with many such requests take too long
    // to check.
    let isInDoubt = false
    while (!this.#isOver) {
      if (this.#isQuiet) {
        // Another broker may lead when the clients go on.
        client.forget()
        await sleep(QUIET_LOOK_MS)
        continue
      }
      const isLookingElsewhere = this.#random.below(12) === 0
      const isPublishing = isLookingElsewhere && this.#slotKey === undefined && this.#random.below(2) === 0
      const elsewhere = (): Asked => (isPublishing ? this.#publishing(number) : this.#readOfList(number))
      const asked = isLookingElsewhere ? elsewhere() : this.#draw(number, isInDoubt)
      this.#underWay++
      const outcome = await this.#ask(client, asked, isLookingElsewhere)
      this.#underWay--
      isInDoubt = outcome !== 'done'
      if (isInDoubt && !isLookingElsewhere) this.#failures++
      if (outcome === 'done') continue
      client.forget()
      await sleep(1 + this.#random.below(REST_MS_MAX))
    }
    client.forget()
  }

  /**
   * Keeps an idle connection that was opened to the leader, and reads over it when its broker has
   * been paused: the replies must not be outdated.
   */
  async #rest(number: number): Promise<void> {
    const client = new ClusterClient(this.#brokers, this.#random, { key: this.#slotKey })
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

  /**
   * Polls over another idle connection until its broker has noticed that it does not lead any more,
   * or the time limit passes.
   */
  async #lossBy(probe: Connection): Promise<void> {
    const endMs = performance.now() + RESTING_PATIENCE_MS
    while (performance.now() < endMs) {
      try {
        const [role] = await probe.ask([['ROLE']], RESTING_PATIENCE_MS)
        if ((role as Reply[])[0] !== 'master') return
      } catch {
        // The connection is closed: the lead was lost before the reply.
        return
      }
      await sleep(1)
    }
  }

  async #readResting(number: number, connection: Connection): Promise<void> {
    const {
      operations: [operation],
      read,
      requests,
    } = this.#readOfRegister(number)
    try {
      const [reply] = await connection.ask(requests, RESTING_PATIENCE_MS)
      operation.outcome = reply instanceof Error ? 'none' : 'done'
      if (!(reply instanceof Error) && reply !== undefined) read?.(reply)
    } catch {
      // There was no reply, so none was outdated.
      operation.outcome = 'none'
    }
    operation.endedMs = performance.now()
    this.#tally(operation.outcome, true, operation.endedMs)
  }

  async #watchRole(broker: TrialProcess): Promise<void> {
    while (!this.#isOver) {
      const problem = await problemOfRoles(broker)
      if (problem !== undefined) this.#roleProblems.add(problem)
      await sleep(ROLE_LOOK_MS)
    }
  }

  async #ask(client: ClusterClient, asked: Asked, isAnybodyAsked: boolean): Promise<Operation['outcome']> {
    const { counting, operations, read, requests } = asked
    const isRead = operations[0].kind === 'list' || operations[0].kind === 'read'
    let outcome: Operation['outcome'] = 'unknown'
    try {
      // Each read also asks for the broker's role: followers may be behind.
      const all = isRead ? [['ROLE'], ...requests] : requests
      const replies = await (isAnybodyAsked ? client.askAnybody(all) : client.askLeader(all))
      if (replies.some((reply) => reply instanceof Error)) outcome = 'none'
      else {
        outcome = 'done'
        if (isRead) operations[0].isLate = (replies[0] as Reply[])[0] !== 'master'
        read?.(replies.at(-1) ?? null)
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

  // ── requests ────────────────────────────────────────────────────────

  #draw(client: number, isInDoubt: boolean): Asked {
    const value = `${client}-${++this.#values}`
    if (this.#slotKey === undefined && this.#random.below(4) === 0) return this.#publishing(client)
    switch (this.#random.below(isInDoubt ? 4 : 10)) {
      case 0:
      case 1: {
        const key = this.#list()
        return { operations: [this.#remember('push', key, client, value)], requests: [['RPUSH', key, value]] }
      }
      case 2: {
        const keys = [this.#list(0), this.#list(1)] as const
        const operations: Operations = [
          this.#remember('push', keys[0], client, value),
          this.#remember('push', keys[1], client, value),
        ]
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

  /**
   * Publishes a message that is kept, in one of the possible ways; or reads the messages of a
   * channel.
   */
  #publishing(client: number): Asked {
    const value = `${client}-${++this.#values}`
    const way = this.#random.below(10)
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
        const operations: Operations = [message(), this.#remember('push', list, client, value)]
        this.#together.push(operations)
        return { operations, requests: [['MULTI'], ['PUBLISH', channel, value], ['RPUSH', list, value], ['EXEC']] }
      }
      case 5:
      case 6: {
        // It is published some time after the reply, so it has no place in the order of replies.
        const operation = message()
        operation.isLate = true
        const dueMs = String(1 + this.#random.below(SCHEDULED_MS_MAX))
        return { operations: [operation], requests: [['PUBLISH', channel, value, 'IN', dueMs]] }
      }
      case 7: {
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

  /** The current key of a family; a new one after enough operations. */
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

/** Returns the request that reads the contents of a key. */
export function requestFor(key: string): string[] {
  if (key.startsWith('scheduled-texts:')) return ['HVALS', key]
  if (key.startsWith('scheduled:')) return ['ZRANGE', key, '0', '-1']
  if (kindOf(key) === 'stream') return ['XRANGE', key, '-', '+']
  return kindOf(key) === 'list' ? ['LRANGE', key, '0', '-1'] : ['GET', key]
}

function kindOf(key: string): 'list' | 'stream' | 'other' {
  if (key.includes('kept:') || key === EVENTS_KEY) return 'stream'
  return key.includes(':list:') ? 'list' : 'other'
}

/** The key that holds the messages of a channel. */
function storedUnder(name: string): string {
  if (kindOf(name) !== 'stream') return name
  return name.includes(':shard-kept:') ? `schannel:{${name}}` : `channel:{${name}}`
}

/** The keys of a channel's scheduled messages: their texts, and their times. */
function scheduledUnder(name: string): [texts: string, times: string] {
  const key = storedUnder(name)
  return [`scheduled-texts:${key}`, `scheduled:${key}`]
}

/** Returns for which lists the events that are kept are not as many as the elements. */
function problemsOfEvents(held: ReadonlyMap<string, Reply>): string[] {
  const counts = new Map<string, number>()
  for (const key of messagesIn(held.get(EVENTS_KEY) ?? [])) counts.set(key, (counts.get(key) ?? 0) + 1)
  const found: string[] = []
  for (const [key, elements] of held) {
    if (kindOf(key) !== 'list') continue
    const [count, events] = [(elements as string[] | null)?.length ?? 0, counts.get(key) ?? 0]
    if (count !== events) found.push(`${key}: ${count} elements, and ${events} events of RPUSH are kept`)
  }
  return found
}

/** The texts of a stream's entries. */
function messagesIn(entries: Reply): string[] {
  return (entries as [id: string, fields: [name: string, text: string]][]).map(([, [, text]]) => text)
}

function valuesIn(key: string, held: ReadonlyMap<string, Reply>): string[] {
  const value = held.get(storedUnder(key)) ?? []
  return kindOf(key) === 'stream' ? messagesIn(value) : (value as string[])
}

/** The final value counts as a read after all other operations. */
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
