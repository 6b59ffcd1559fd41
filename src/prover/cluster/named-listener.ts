// A named subscriber of a cluster in trouble. Two connections subscribe at the leader, again and
// again under one name, and it notes every message that one of them hears.
//
// The leader remembers the name's position, and writes it before it confirms the first
// subscription. So each message that is published afterwards is heard once at least, on one
// connection or on a later one. A follower remembers no name: a confirmation counts when the broker
// leads still.

import type { Random } from '../../util/numbers/random.ts'
import { performance, sleep } from '../../util/time/real-time.ts'
import type { Reply } from '../durability/write-methods.ts'
import { ClusterClient } from './cluster-client.ts'
import type { Connection } from './connection.ts'
import type { TrialProcess } from './trial-process.ts'

const LOOK_MS = 20
/** Connections of the name. */
const CONNECTIONS = 2
/** A connection whose broker does not answer within this time is given up. */
const PATIENCE_MS = 1500
/** One look in this many ends the connection without UNSUBSCRIBE, as if the client had crashed. */
const LOOKS_OF_CONNECTION = 100

export class NamedListener {
  readonly name: string
  readonly #pattern: string
  readonly #client: ClusterClient
  readonly #random: Random
  readonly #heard = new Map<string, Set<string>>()
  #listensFromMs = Number.POSITIVE_INFINITY
  #isOver = false
  #working: Promise<unknown> = Promise.resolve()

  constructor(brokers: readonly TrialProcess[], random: Random, name: string, pattern: string) {
    this.name = name
    this.#pattern = pattern
    this.#random = random
    this.#client = new ClusterClient(brokers, random)
  }

  /** When a leader had confirmed its first subscription; infinite before that. */
  get listensFromMs(): number {
    return this.#listensFromMs
  }

  /** Tells whether it has heard a message of a channel. */
  hasHeard(channel: string, text: string): boolean {
    return this.#heard.get(channel)?.has(text) === true
  }

  start(): void {
    this.#working = Promise.all(Array.from({ length: CONNECTIONS }, () => this.#listen()))
  }

  /** Unsubscribes, so that the broker forgets the name, and ends. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#working
  }

  async #listen(): Promise<void> {
    while (!this.#isOver) {
      const found = await this.#client.openToLeader().catch(() => undefined)
      if (found !== undefined) {
        await this.#hearBy(found.connection).catch(() => {})
        found.connection.end()
      }
      await sleep(LOOK_MS)
    }
  }

  /**
   * Hears messages until the connection ends, is ended by chance, or its broker no longer leads.
   */
  async #hearBy(connection: Connection): Promise<void> {
    let isConfirmed = false
    connection.pushed = (words) => {
      if (words[0] === 'psubscribe') isConfirmed = true
      this.#note(words)
    }
    await connection.ask([['HELLO', '3', 'SETNAME', this.name]], PATIENCE_MS)
    connection.tell(['PSUBSCRIBE', this.#pattern])
    while (!connection.isClosed && !this.#isOver && this.#random.below(LOOKS_OF_CONNECTION) > 0) {
      const [role] = await connection.ask([['ROLE']], PATIENCE_MS)
      if (!Array.isArray(role) || role[0] !== 'master') return
      if (isConfirmed) this.#listensFromMs = Math.min(this.#listensFromMs, performance.now())
      await sleep(LOOK_MS)
    }
    if (!this.#isOver) return
    connection.tell(['PUNSUBSCRIBE', this.#pattern])
    await connection.ask([['PING']], PATIENCE_MS)
  }

  #note([word, , channel, text]: readonly Reply[]): void {
    if (word !== 'pmessage') return
    const texts = this.#heard.get(String(channel)) ?? new Set()
    this.#heard.set(String(channel), texts.add(String(text)))
  }
}
