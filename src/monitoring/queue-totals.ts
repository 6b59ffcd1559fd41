// The jobs of all known queues: how many wait, and how many were finished.
//
// Nothing counts finished jobs, and BullMQ may remove them at once. But each new job takes a number
// of the counter `id`, so what was added and is not there any more was finished, or removed.

import type { Database } from '../store/keyspace/database.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../store/structures/value.ts'
import { Bytes } from '../util/bytes/bytes.ts'
import { type KnownQueue, type KnownQueues, lengthOf } from './known-queues.ts'

const WAITING = ['wait', 'paused', 'prioritized'] as const
const OTHERS = ['active', 'delayed', 'waiting-children'] as const

export interface QueueTotals {
  readonly waiting: number
  readonly added: number
  readonly unfinished: number
}

/** Counts the jobs of one queue. */
export function totalsOf({ db, name }: KnownQueue): QueueTotals {
  let waiting = 0
  for (const state of WAITING) waiting += lengthOf(db, `${name}:${state}`)
  let unfinished = waiting
  for (const state of OTHERS) unfinished += lengthOf(db, `${name}:${state}`)
  return { waiting, added: counterOf(db, `${name}:id`), unfinished }
}

/** The queues of BullMQ, added up. */
export function totalsOfAll(known: KnownQueues): QueueTotals & { readonly queues: number } {
  const sum = { waiting: 0, added: 0, unfinished: 0, queues: 0 }
  for (const queue of known.bullmq) {
    const { added, unfinished, waiting } = totalsOf(queue)
    sum.waiting += waiting
    sum.added += added
    sum.unfinished += unfinished
    sum.queues++
  }
  return sum
}

const value = new Bytes()

/** The number under a key; 0 where there is none. */
function counterOf(db: Database, name: string): number {
  const entry = db.keys.find(Bytes.from(name))
  if (entry === NONE || db.isExpired(entry) || db.typeOf(entry) !== TYPE_STRING) return 0
  db.strings.read(entry, value)
  const number = Number(value.toString())
  return Number.isFinite(number) ? number : 0
}
