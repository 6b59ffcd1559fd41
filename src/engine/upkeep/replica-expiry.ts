// Keys that a writable replica expires by itself (`replica-read-only no`): its own clients gave
// them an expiry. The primary does not know of them, so it would never remove them.
//
// They are known by name, as in Redis. When the time of a name is over, the key of that name is
// looked at, which may be another one by then. Only its present expiry counts, even one that the
// primary has set.

import type { Database } from '../../store/keyspace/database.ts'
import type { Expiry } from '../../store/keyspace/database-host.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
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

/** A name, and the databases in which a client gave an expiry to the key of that name. */
interface OwnKey {
  readonly name: string
  readonly databases: Set<number>
  /** Its position in the heap. */
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

  /** The number of names. */
  get count(): number {
    return this.#byName.size
  }

  /** The time of the first name that is due; infinite when there is none, and on a primary. */
  get earliest(): number {
    return this.#host.effects.role.isReplica ? this.#deadlines.earliest : Number.POSITIVE_INFINITY
  }

  /** Follows the role: on a writable replica new expiries are noted. */
  follow(): void {
    const { dataset } = this.#host.data
    const { role } = this.#host.effects
    if (role.expiry === 'own') dataset.on.deadline.add(this.#note)
    else dataset.on.deadline.remove(this.#note)
  }

  /** Forgets all names: all data has gone. */
  forget(): void {
    this.#byName.clear()
    this.#keys.length = 0
    this.#unused.length = 0
    this.#deadlines.clear()
  }

  /**
   * Looks at up to `max` names that are due, and removes the keys whose time is up; returns the
   * number of names.
   */
  expire(max: number): number {
    const now = this.#host.data.dataset.now()
    let looked = 0
    for (; looked < max && this.earliest < now; looked++) this.#look(this.#deadlines.entryAt(0))
    return looked
  }

  readonly #note = (db: Database, entry: number, timeMs: number): void => {
    const { dataset } = this.#host.data
    const { timedWork } = this.#host.upkeep
    // Expiries that the primary sends, or that are loaded, are not the replica's own. A snapshot
    // keeps values in databases beside these.
    if (dataset.expiry !== 'own' || dataset.databases[db.index] !== db) return
    const name = db.keys.keyOf(entry, this.#window).toString()
    const known = this.#byName.get(name)
    if (known === undefined) {
      const number = this.#unused.pop() ?? this.#keys.length
      this.#keys[number] = { name, databases: new Set([db.index]), position: -1 }
      this.#byName.set(name, number)
      this.#deadlines.add(number, timeMs)
    } else {
      const own = this.#keys[known]
      assert(own !== undefined, 'a name has the number of a key')
      const { databases, position } = own
      databases.add(db.index)
      if (timeMs < this.#deadlines.timeAt(position)) this.#deadlines.change(position, timeMs)
    }
    timedWork.arm()
  }

  /**
   * Removes the keys of a name that are due. The name is kept while a key of it expires later, else
   * forgotten.
   */
  #look(number: number): void {
    const own = this.#keys[number]
    assert(own !== undefined, 'a time belongs to a name')
    const { name, databases, position } = own
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
    assert(this.#byName.size === this.#deadlines.count, 'each name has a time')
  }
}
