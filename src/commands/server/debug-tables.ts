// DEBUG HTSTATS, HTSTATS-KEY: the hash tables of a database and of a value, in Redis's words.
//
// The figures are those of our tables. They grow bucket by bucket, so their sizes are not powers of
// two, and there is never a second table. Expiry times are in a heap, which is described as a table
// with one key in each bucket.

import { ERR } from '../../protocol/errors.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Call } from '../call.ts'
import { find } from './debug-values.ts'

/** The source of the figures; entry `i` of `chains` is the number of buckets with `i` keys. */
interface Table {
  readonly count: number
  readonly chains: readonly number[]
}

export function databaseTables(call: Call): void {
  const { databases } = call.engine
  const index = Number(call.args.integer(2))
  const db = databases[index]
  if (db === undefined) throw ERR.of('Out of range database')
  const isFull = asksForAll(call)
  const expiring = db.keys.expiries.count
  call.reply.verbatim(
    `[Dictionary HT]\n${describe({ count: db.size, chains: db.keys.chains() }, isFull)}` +
      `[Expires HT]\n${describe({ count: expiring, chains: [0, expiring] }, isFull)}`,
  )
}

export function valueTable(call: Call): void {
  const { db } = call
  const entry = find(call)
  const table = db.typeOf(entry) === TYPE_STRING ? undefined : db.structureOf(entry).table
  if (table === undefined) {
    throw ERR.of('The value stored at the specified key is not represented using an hash table')
  }
  call.reply.verbatim(describe({ count: table.count, chains: table.chains() }, asksForAll(call)))
}

function asksForAll({ args }: Call): boolean {
  return args.length > 3 && args.equalsIgnoreCase(3, 'FULL')
}

function describe({ count, chains }: Table, isFull: boolean): string {
  const lines = ['Hash table 0 stats (main hash table):']
  if (count === 0) return `${lines[0]}\nNo stats available for empty dictionaries\n`
  const size = chains.reduce((sum, buckets) => sum + buckets, 0)
  lines.push(` table size: ${size}`, ` number of elements: ${count}`)
  if (isFull) {
    const used = size - itemAt(chains, 0)
    const average = (count / used).toFixed(2)
    lines.push(
      ` different slots: ${used}`,
      ` max chain length: ${chains.length - 1}`,
      ` avg chain length (counted): ${average}`,
      ` avg chain length (computed): ${average}`,
      ' Chain length distribution:',
    )
    for (const [length, buckets] of chains.entries()) {
      if (buckets > 0) lines.push(`   ${length}: ${buckets} (${((buckets * 100) / size).toFixed(2)}%)`)
    }
  }
  return `${lines.join('\n')}\n`
}
