// Messages during faults: each node has a subscriber, and each publishes now and then. A subscriber
// gets each message at most once, and those of one process of another shard in the order of
// publishing.

import { Source } from '../../src/util/bytes/bytes.ts'
import type { Random } from '../../src/util/numbers/random.ts'
import type { SimWorld } from '../replicated-log/sim-clock.ts'
import { SimConnection } from '../replicated-log/simulation.ts'
import { encode } from '../support/engine.ts'
import type { ShardProcess } from './simulation.ts'

const RETRY_MS = 5

interface Listener {
  readonly name: string
  readonly shard: string
  readonly connection: SimConnection
}

/** A node in its present state. */
export interface Reporter {
  readonly name: string
  readonly shard: string
  readonly process: ShardProcess | undefined
}

export class News {
  readonly #world: SimWorld
  readonly #random: Random
  readonly #nodes: readonly Reporter[]
  readonly #listeners: Listener[] = []
  #said = 0
  /** Messages by process: those of one process may arrive after those of its successor. */
  readonly #processes = new Map<ShardProcess, number>()

  constructor(world: SimWorld, random: Random, nodes: readonly Reporter[]) {
    this.#world = world
    this.#random = random
    this.#nodes = nodes
  }

  /** Subscribes at a node, and again when the connection ends, as long as that process lives. */
  listen(node: Reporter, process: ShardProcess): void {
    const { name, shard } = node
    const connection = this.#connect(process, ['SUBSCRIBE', 'news'])
    this.#listeners.push({ name, shard, connection })
    connection.changed = () => {
      if (!connection.isClosed) return
      connection.changed = () => {}
      process.connections.delete(connection)
      process.clock.after(RETRY_MS, () => process.isDead || this.listen(node, process))
    }
  }

  /** Publishes now and then, until a moment. */
  speakUntil(untilMs: number): void {
    this.#world.after(5 + this.#random.below(20), () => {
      if (this.#world.nowMs > untilMs) return
      this.say(this.#nodes[this.#random.below(this.#nodes.length)]!)
      this.speakUntil(untilMs)
    })
  }

  /** Publishes a message at a node; returns it, or undefined when the node is not there. */
  say({ name, process, shard }: Reporter): string | undefined {
    if (process === undefined || process.isPaused) return undefined
    const number = this.#processes.get(process) ?? this.#processes.size
    this.#processes.set(process, number)
    const message = `${shard} ${name}/${number} ${++this.#said}`
    const connection = this.#connect(process, ['PUBLISH', 'news', message])
    connection.changed = () => {
      process.connections.delete(connection)
      if (!connection.isClosed) process.engine.disconnect(connection.client)
    }
    return message
  }

  /** Returns a violation; undefined when there is none. */
  check(): string | undefined {
    for (const listener of this.#listeners) {
      const heard = heardBy(listener)
      if (new Set(heard).size < heard.length) return `${listener.name} has heard something twice: ${heard}`
      const last = new Map<string, number>()
      for (const message of heard) {
        const [shard, name, number] = message.split(' ') as [string, string, string]
        if (shard === listener.shard) continue
        if (Number(number) < (last.get(name) ?? 0)) return `${listener.name} has heard ${message} too late`
        last.set(name, Number(number))
      }
    }
    return undefined
  }

  /** Returns a subscriber that lacks a message; undefined when all have it. */
  missing(message: string): string | undefined {
    return this.#listeners.find((one) => !one.connection.isClosed && !heardBy(one).includes(message))?.name
  }

  #connect(process: ShardProcess, words: readonly string[]): SimConnection {
    const connection = new SimConnection(process.engine)
    process.connections.add(connection)
    const bytes = Buffer.from(encode([...words]), 'latin1')
    process.engine.receive(connection.client, new Source(bytes), 0, bytes.length)
    process.engine.requests.turn.endSoon()
    return connection
  }
}

function heardBy({ connection }: Listener): string[] {
  return [...connection.received.matchAll(/message\r\n\$4\r\nnews\r\n\$\d+\r\n([^\r]*)\r\n/g)].map(([, text]) => text!)
}
