// The shards of a cluster under test, as their brokers know them.

import { assert } from '../../util/assert.ts'
import type { Reply } from '../durability/write-methods.ts'
import { Connection } from './connection.ts'
import type { TrialProcess } from './trial-process.ts'

/** Brokers with one log. */
export interface Shard {
  readonly name: string
  readonly brokers: readonly TrialProcess[]
}

const ASK_MS = 2000

/** Tells whether slots are moving, as a broker knows it. */
export async function hasMoves(broker: TrialProcess): Promise<boolean> {
  const [moves] = await askOf(broker, [['CLUSTER', 'MOVES']])
  if (!Array.isArray(moves)) return true
  const states = (moves as Reply[][]).map((fields) => fields[fields.indexOf('state') + 1])
  return states.some((state) => state !== 'done' && state !== 'cancelled')
}

/** Tells whether a broker knows all of the shards. */
export async function knowsShards(broker: TrialProcess, count: number): Promise<boolean> {
  const [shards] = await askOf(broker, [['CLUSTER', 'SHARDS']])
  return Array.isArray(shards) && shards.length === count
}

/** Asks a broker; an empty list when it does not reply. */
export async function askOf(broker: TrialProcess | undefined, requests: string[][]): Promise<Reply[]> {
  assert(broker !== undefined, 'there is a broker to ask')
  const connection = new Connection(broker.host, broker.port)
  try {
    return await connection.ask(requests, ASK_MS)
  } catch {
    // It was hit just now: another one is asked, or it is asked again.
    return []
  } finally {
    connection.end()
  }
}
