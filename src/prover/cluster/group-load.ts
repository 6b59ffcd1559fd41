// Producers and consumers of a stream with a group, while the cluster has faults. Consumers read new
// entries (some of them parked), read what they have not acknowledged, claim what others have, and
// acknowledge most of what they get. group-check.ts checks their records.

import type { Random } from '../../util/numbers/random.ts'
import { performance, sleep } from '../../util/time/real-time.ts'
import type { Reply } from '../durability/write-methods.ts'
import { ClusterClient } from './cluster-client.ts'
import { Connection, Unreached } from './connection.ts'
import { type Acknowledgement, type Adding, checkGroup, type Delivery, type GroupState } from './group-check.ts'
import type { Load } from './load.ts'
import type { RecorderOptions } from './recorder.ts'
import type { TrialProcess } from './trial-process.ts'

const GROUP = 'workers'
const PRODUCERS = 2
const CONSUMERS = 4
/** The longest pause of a client between two requests. */
const REST_MS_MAX = 20
/** How long a parked consumer waits. */
const BLOCK_MS = '50'
const COUNT_MAX = 5
const READ_MS_MAX = 30_000
const PENDING_MAX = '1000000'

export class GroupLoad implements Load {
  readonly keys: readonly string[]
  readonly #brokers: readonly TrialProcess[]
  readonly #random: Random
  readonly #key: string
  readonly #slotKey: string | undefined
  readonly #addings: Adding[] = []
  readonly #deliveries: Delivery[] = []
  readonly #acknowledgements: Acknowledgement[] = []
  #isOver = false
  #isQuiet = false
  /** How many requests are in flight. */
  #underWay = 0
  #working: Promise<unknown> = Promise.resolve()

  /** `isOneSlot`: as the recorder's. */
  constructor(
    brokers: readonly TrialProcess[],
    random: Random,
    prefix: string,
    { isOneSlot = false }: Pick<RecorderOptions, 'isOneSlot'> = {},
  ) {
    this.#brokers = brokers
    this.#slotKey = isOneSlot ? prefix : undefined
    this.#random = random
    this.#key = `${prefix}jobs`
    this.keys = [this.#key]
  }

  /** How many entries were delivered so far. */
  get delivered(): number {
    return this.#deliveries.length
  }

  start(): void {
    this.#working = Promise.all([
      ...Array.from({ length: PRODUCERS }, (_, i) => this.#produce(i)),
      ...Array.from({ length: CONSUMERS }, (_, i) => this.#consume(i)),
    ])
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#working
  }

  async fallQuiet(): Promise<void> {
    this.#isQuiet = true
    while (this.#underWay > 0 && !this.#isOver) await sleep(1)
  }

  goOn(): void {
    this.#isQuiet = false
  }

  async problems(brokers: readonly TrialProcess[]): Promise<string[]> {
    const records = {
      addings: this.#addings,
      deliveries: this.#deliveries,
      acknowledgements: this.#acknowledgements,
    }
    const states = await Promise.all(brokers.map((broker) => this.#stateAt(broker)))
    const [first] = states
    if (first === undefined) return []
    const found = checkGroup(records, first).map((problem) => `${this.#key}: ${problem}`)
    for (const [i, state] of states.entries())
      if (textOf(state) !== textOf(first))
        found.push(`${this.#key}: ${brokers[i]?.name} differs from ${brokers[0]?.name}`)
    return found
  }

  async #stateAt({ host, port }: TrialProcess): Promise<GroupState> {
    const connection = new Connection(host, port)
    try {
      const replies = await connection.ask(
        [
          // Followers of a cluster answer these clients alone.
          ...(this.#slotKey === undefined ? [] : [['READONLY']]),
          ['MULTI'],
          ['XRANGE', this.#key, '-', '+'],
          ['XPENDING', this.#key, GROUP, '-', '+', PENDING_MAX],
          ['XINFO', 'GROUPS', this.#key],
          ['EXEC'],
        ],
        READ_MS_MAX,
      )
      const [entries, pending, groups] = replies.at(-1) as [Reply, Reply, Reply]
      if (entries instanceof Error || pending instanceof Error || groups instanceof Error)
        throw new Error(`${this.#key}: the group cannot be read: ${entries} ${pending} ${groups}`)
      const group = (groups as Reply[][])[0] ?? []
      return {
        entries: entriesIn(entries),
        pending: new Set((pending as [id: string][]).map(([id]) => id)),
        lastDelivered: String(group[group.indexOf('last-delivered-id') + 1]),
      }
    } finally {
      connection.end()
    }
  }

  // ── clients ──────────────────────────────────────────────────────────────

  #client(number: number): ClusterClient {
    return new ClusterClient(this.#brokers, this.#random, { hearsNotices: number % 2 === 1, key: this.#slotKey })
  }

  async #produce(number: number): Promise<void> {
    const client = this.#client(number)
    for (let i = 0; !this.#isOver; i++) {
      const adding: Adding = { value: `${number}-${i}`, outcome: 'unknown', id: '' }
      this.#addings.push(adding)
      const { outcome, reply } = await this.#ask(client, ['XADD', this.#key, '*', 'value', adding.value])
      adding.outcome = outcome
      adding.id = String(reply)
      await this.#rest()
    }
    client.forget()
  }

  async #consume(number: number): Promise<void> {
    const client = this.#client(number)
    const name = `consumer-${number}`
    while (!this.#isOver && !(await this.#hasGroup(client))) await this.#rest()
    while (!this.#isOver) {
      const beganMs = performance.now()
      const drawn = this.#random.below(10)
      const how = drawn < 7 ? 'new' : 'again'
      const { outcome, reply } = await this.#ask(client, this.#requestOf(name, drawn))
      const entries =
        outcome === 'done' ? entriesIn(how === 'new' || drawn === 7 ? ofStream(reply) : ofClaim(reply)) : []
      for (const { id, value } of entries) this.#deliveries.push({ id, value, consumer: name, how, beganMs })
      for (const { id } of entries) if (this.#random.below(4) > 0) await this.#acknowledge(client, id)
      await this.#rest()
    }
    client.forget()
  }

  async #hasGroup(client: ClusterClient): Promise<boolean> {
    const { reply } = await this.#ask(client, ['XGROUP', 'CREATE', this.#key, GROUP, '0', 'MKSTREAM'])
    return reply === 'OK' || String(reply).includes('BUSYGROUP')
  }

  /** XREADGROUP of new entries (0 to 6) or of the consumer's own (7), or XAUTOCLAIM. */
  #requestOf(consumer: string, drawn: number): string[] {
    const count = String(1 + this.#random.below(COUNT_MAX))
    if (drawn > 7) return ['XAUTOCLAIM', this.#key, GROUP, consumer, '0', '0', 'COUNT', count]
    const block = drawn < 2 ? ['BLOCK', BLOCK_MS] : []
    const from = drawn === 7 ? '0' : '>'
    return ['XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', count, ...block, 'STREAMS', this.#key, from]
  }

  async #acknowledge(client: ClusterClient, id: string): Promise<void> {
    const acknowledgement: Acknowledgement = {
      id,
      outcome: 'unknown',
      isFirst: false,
      endedMs: Number.POSITIVE_INFINITY,
    }
    this.#acknowledgements.push(acknowledgement)
    const { outcome, reply } = await this.#ask(client, ['XACK', this.#key, GROUP, id])
    acknowledgement.outcome = outcome
    acknowledgement.isFirst = reply === 1
    acknowledgement.endedMs = performance.now()
  }

  /** Asks the leader; `reply` is an error where the request was refused. */
  async #ask(client: ClusterClient, request: string[]): Promise<{ outcome: Adding['outcome']; reply: Reply }> {
    while (this.#isQuiet && !this.#isOver) await sleep(1)
    this.#underWay++
    try {
      const [reply = null] = await client.askLeader([request])
      if (reply instanceof Error) client.forget()
      return { outcome: reply instanceof Error ? 'none' : 'done', reply }
    } catch (error) {
      client.forget()
      return { outcome: error instanceof Unreached ? 'none' : 'unknown', reply: null }
    } finally {
      this.#underWay--
    }
  }

  async #rest(): Promise<void> {
    await sleep(1 + this.#random.below(REST_MS_MAX))
  }
}

/** The entries in a reply of XREADGROUP, which names one stream (RESP2 and RESP3). */
function ofStream(reply: Reply): Reply {
  if (reply === null) return []
  if (reply instanceof Map) return [...reply.values()][0] ?? []
  return (reply as [[key: string, entries: Reply]])[0][1]
}

function ofClaim(reply: Reply): Reply {
  return (reply as [cursor: string, entries: Reply])[1]
}

/** An entry that is pending but no longer in its stream has no fields. */
function entriesIn(entries: Reply): { id: string; value: string }[] {
  return (entries as [id: string, fields: string[] | null][]).map(([id, fields]) => ({ id, value: fields?.[1] ?? '' }))
}

function textOf({ entries, lastDelivered, pending }: GroupState): string {
  return JSON.stringify([entries, lastDelivered, [...pending].sort()])
}
