// Keys that expire on a replica although the primary does not say so: those to which clients of the replica itself gave a time
// (`replica-read-only no`). Nobody else knows of them, so nobody else would ever remove them.
//
// They are known by name, as in Redis: a name that was given a time once is looked at again when that is over. What is found
// there may be another key by then; its time counts, whoever set it.

import type { Database } from '../../store/keyspace/database.ts'
import type { Expiry } from '../../store/keyspace/database-host.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { DeadlineHeap } from '../../util/time/deadline-heap.ts'
import type { Dataset } from '../data/dataset.ts'

export interface ReplicaExpiryHost {
  readonly data: {
    readonly dataset: Dataset
  }
  readonly upkeep: {
    readonly timedWork: { arm(): void }
  }
  readonly effects: {
    readonly role: { readonly isReplica: boolean; readonly expiry: Expiry }
  }
}

/** A name, and the databases in which a client gave a time to the key of that name. */
interface OwnKey {
  readonly name: string
  readonly databases: Set<number>
  /** In the heap. */
  position: number
}

export class ReplicaExpiry {
  readonly #host: ReplicaExpiryHost
  readonly #byName = new Map<string, number>()
  readonly #keys: (OwnKey | undefined)[] = []
  readonly #unused: number[] = []
  readonly #deadlines = new DeadlineHeap((number, position) => {
    const key = this.#keys[number]
    if (key !== undefined) key.position = position
  })
  readonly #window = new Bytes()

  constructor(host: ReplicaExpiryHost) {
    this.#host = host
  }

  /** How many names are known. */
  get count(): number {
    return this.#byName.size
  }

  /** When the first of them is to be looked at; infinite where there are none, or nothing is to be done about them. */
  get earliest(): number {
    return this.#host.effects.role.isReplica ? this.#deadlines.earliest : Number.POSITIVE_INFINITY
  }

  /** Follows the role: on a replica that may be written to, times that are set are noted. */
  follow(): void {
    const { dataset } = this.#host.data
    const { role } = this.#host.effects
    if (role.expiry === 'own') dataset.onDeadline.add(this.#note)
    else dataset.onDeadline.remove(this.#note)
  }

  /** All data has gone. */
  forget(): void {
    this.#byName.clear()
    this.#keys.length = 0
    this.#unused.length = 0
    this.#deadlines.clear()
  }

  /** Looks at up to `max` names that are due, and removes keys whose time is up; returns how many names those were. */
  expire(max: number): number {
    const now = this.#host.data.dataset.now()
    let looked = 0
    for (; looked < max && this.earliest < now; looked++) this.#look(this.#deadlines.entryAt(0))
    return looked
  }

  readonly #note = (db: Database, entry: number, timeMs: number): void => {
    const { dataset } = this.#host.data
    const { timedWork } = this.#host.upkeep
    // What the primary sends is its own, and what is loaded too; and a snapshot keeps values in databases beside these.
    if (dataset.expiry !== 'own' || dataset.databases[db.index] !== db) return
    const name = db.keys.keyOf(entry, this.#window).toString()
    const known = this.#byName.get(name)
    if (known === undefined) {
      const number = this.#unused.pop() ?? this.#keys.length
      this.#keys[number] = { name, databases: new Set([db.index]), position: -1 }
      this.#byName.set(name, number)
      this.#deadlines.add(number, timeMs)
    } else {
      const { databases, position } = this.#keys[known]!
      databases.add(db.index)
      if (timeMs < this.#deadlines.timeAt(position)) this.#deadlines.change(position, timeMs)
    }
    timedWork.arm()
  }

  /** Removes what is due under a name. It is looked at again where a key's time is still to come, and else forgotten. */
  #look(number: number): void {
    const { name, databases, position } = this.#keys[number]!
    const key = Bytes.from(name)
    let next = Number.POSITIVE_INFINITY
    for (const index of databases) {
      const db = itemAt(this.#host.data.dataset.databases, index)
      const timeMs = db.expireKey(key)
      if (timeMs === undefined) databases.delete(index)
      else if (timeMs < next) next = timeMs
    }
    if (databases.size > 0) {
      this.#deadlines.change(position, next)
      return
    }
    this.#deadlines.remove(position)
    this.#keys[number] = undefined
    this.#byName.delete(name)
    this.#unused.push(number)
  }
}
