// The sizes of keys, for INFO keysizes: for each database and type, how many keys lie between a
// power of two and the next.
//
// Counting at every write would slow all writes. So a request starts a walk over all keys, one
// stretch in each turn of the loop. Only the asking client waits for its end. A client that asks
// during a walk gets the result of the next one, which sees that client's earlier writes. So two
// walks answer any number of clients.

import type { Client } from '../../engine/clients/client.ts'
import { EntryWalk } from '../../engine/data/entry-walk.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { TYPE_STRING, VALUE_KINDS } from '../../store/structures/value.ts'
import { numberAt } from '../../util/array-reads.ts'
import type { Engine } from '../call.ts'

/** Entries in a turn, which take some 0.1 ms. */
const STRETCH_ENTRIES = 2000
/** Sizes of 0, then of 1, of 2 to 3, of 4 to 7 …, up to 2^53. */
const BINS = 55

/** Rows as INFO prints them: `db0_distrib_lists_items:1=20,512=3`. */
export type KeySizes = readonly (readonly [name: string, text: string])[]

interface Asker {
  readonly client: Client
  readonly answer: (sizes: KeySizes) => void
}

/** Counts all keys at once, for transactions and scripts, which no other work may interrupt. */
export function countKeySizes(engine: Engine): KeySizes {
  const walk = new Walk(engine)
  while (!walk.step()) {
    // Until all were seen.
  }
  return walk.rows()
}

/** Counts keys while other clients are served. */
export class KeySizesCounter {
  readonly #engine: Engine
  /** The calls that the running walk will answer, and the calls that came since it began. */
  #answered: Asker[] = []
  #waiting: Asker[] = []
  #walk: Walk | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Calls `answer` in a later turn, unless the client is gone by then. */
  ask(client: Client, answer: (sizes: KeySizes) => void): void {
    this.#waiting.push({ client, answer })
    if (this.#walk === undefined) this.#begin()
  }

  #begin(): void {
    this.#answered = this.#waiting
    this.#waiting = []
    this.#walk = new Walk(this.#engine)
    this.#engine.environment.later(this.#goOn)
  }

  readonly #goOn = (): void => {
    const walk = this.#walk!
    const isWanted = this.#answered.some(({ client }) => !client.connection.closed)
    if (isWanted && !walk.step()) {
      this.#engine.environment.later(this.#goOn)
      return
    }
    const sizes = walk.rows()
    for (const { client, answer } of this.#answered) if (!client.connection.closed) answer(sizes)
    this.#answered = []
    this.#walk = undefined
    if (this.#waiting.length > 0) this.#begin()
  }
}

class Walk {
  readonly #entries: EntryWalk
  /** For each database, the counts by type and bin. */
  readonly #counts: (Uint32Array | undefined)[] = []

  constructor(engine: Engine) {
    this.#entries = new EntryWalk(engine)
  }

  /** Counts some of the keys; returns true at the end. */
  step(): boolean {
    return this.#entries.step(STRETCH_ENTRIES, this.#count)
  }

  readonly #count = (db: Database, entry: number): void => {
    if (db.isExpired(entry)) return
    const counts = this.#counts[db.index] ?? new Uint32Array(VALUE_KINDS.length * BINS)
    this.#counts[db.index] = counts
    const type = db.typeOf(entry)
    const size = type === TYPE_STRING ? db.strings.lengthOf(entry) : db.structureOf(entry).length
    counts[type * BINS + binOf(size)]!++
  }

  rows(): KeySizes {
    const rows: [string, string][] = []
    for (const [index, counts] of this.#counts.entries()) {
      if (counts === undefined) continue
      for (const [type, { sizes: name }] of VALUE_KINDS.entries()) {
        if (name === undefined) continue
        const bins: string[] = []
        for (let bin = 0; bin < BINS; bin++) {
          const count = numberAt(counts, type * BINS + bin)
          if (count > 0) bins.push(`${labelOf(bin)}=${count}`)
        }
        if (bins.length > 0) rows.push([`db${index}_distrib_${name}`, bins.join(',')])
      }
    }
    return rows
  }
}

function binOf(size: number): number {
  if (size === 0) return 0
  return size < 2 ** 31 ? 32 - Math.clz32(size) : 33 + Math.floor(Math.log2(size / 2 ** 32))
}

/** The least size of a bin, in Redis's format: 1, 512, 1K, 64M. */
function labelOf(bin: number): string {
  if (bin === 0) return '0'
  const power = bin - 1
  return `${2 ** (power % 10)}${['', 'K', 'M', 'G', 'T', 'P'][Math.floor(power / 10)]}`
}
