// `--hotkeys`: the keys with the highest counters of use, where the server keeps these (lfu).

import { itemAt } from '../../../util/array-reads.ts'
import { quoted } from '../../../util/bytes/quoted.ts'
import { type Task, textOf } from '../task.ts'
import { askAll, printWalkHeading, walkKeys } from './key-walk.ts'

/** Keys that are named at the end. */
const KEYS_MAX = 16

interface HotKey {
  /** Quoted. */
  readonly name: string
  readonly uses: number
}

export async function findHotKeys(task: Task): Promise<void> {
  printWalkHeading(task, 'hot')
  /** The hottest first; of those with one counter the one that was seen first. */
  const hottest: HotKey[] = []
  let sampled = 0
  for await (const { keys, percent } of walkKeys(task)) {
    const replies = await askAll(task, keys, (key) => ['OBJECT', 'FREQ', key])
    for (const [i, key] of keys.entries()) {
      // A key that has gone meanwhile has no counter.
      const found = { name: quoted(key), uses: Number(textOf(itemAt(replies, i), 'Error')) }
      sampled++
      if (!enters(hottest, found)) continue
      task.streams.print(`[${percent}%] Hot key '${found.name}' found so far with counter ${found.uses}\n`)
    }
  }
  task.streams.print(`\n-------- summary -------\n\nSampled ${sampled} keys in the keyspace!\n`)
  for (const { name, uses } of hottest) task.streams.print(`hot key found with counter: ${uses}\tkeyname: ${name}\n`)
}

/** Puts a key into its place among the hottest; returns false when it is not one of them. */
function enters(hottest: HotKey[], found: HotKey): boolean {
  if (found.uses === 0) return false
  const place = hottest.findIndex(({ uses }) => uses < found.uses)
  const at = place < 0 ? hottest.length : place
  if (at >= KEYS_MAX) return false
  hottest.splice(at, 0, found)
  hottest.length = Math.min(hottest.length, KEYS_MAX)
  return true
}
