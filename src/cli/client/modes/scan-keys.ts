// `--scan`: the names of all keys.

import { quoted } from '../../../util/bytes/quoted.ts'
import type { Task } from '../task.ts'
import { walkKeys } from './key-walk.ts'

export async function printKeys(task: Task): Promise<void> {
  // redis-cli rests after each SCAN here.
  for await (const { keys } of walkKeys(task, 1))
    for (const key of keys) task.streams.print(`${task.isRaw ? key : quoted(key)}\n`)
}
