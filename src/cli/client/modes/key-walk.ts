// A walk over all keys by SCAN, for the tasks that look at every key.

import { itemAt } from '../../../util/array-reads.ts'
import type { Reply } from '../reply.ts'
import { type Task, TaskFailed, textOf } from '../task.ts'

/** With `-i` the client rests after this many SCANs. */
const SCANS_WITHOUT_REST = 100
/** How often a walk says how far it is. */
const KEYS_A_LINE = 1_000_000

/** The keys of one SCAN. */
export interface Portion {
  /** As latin1. */
  readonly keys: readonly string[]
  /** How much of all keys was walked before it, as redis-cli prints it. */
  readonly percent: string
}

/** Yields the keys of the database in portions. Throws TaskFailed. */
export async function* walkKeys(task: Task, scansWithoutRest = SCANS_WITHOUT_REST): AsyncIterable<Portion> {
  const { connection, options, streams } = task
  const total = Number(textOf(await connection.ask(['DBSIZE']), "Couldn't determine DBSIZE"))
  const { count, pattern } = options.walk
  const narrowing = [...(pattern === '' ? [] : ['MATCH', pattern]), ...(count === undefined ? [] : ['COUNT', count])]
  let cursor = '0'
  let walked = 0
  let scans = 0
  do {
    const percent = twoDigits(total === 0 ? 0 : (100 * walked) / total)
    const reply = await connection.ask(['SCAN', cursor, ...narrowing])
    textOf(reply, 'SCAN error')
    if (reply.items.length !== 2) throw new TaskFailed('SCAN error: the reply has no cursor')
    cursor = itemAt(reply.items, 0).bytes.toString('latin1')
    const keys = itemAt(reply.items, 1).items.map(({ bytes }) => bytes.toString('latin1'))
    yield { keys, percent }
    if (Math.floor((walked + keys.length) / KEYS_A_LINE) > Math.floor(walked / KEYS_A_LINE))
      streams.print(`[${percent}%] Sampled ${walked + keys.length} keys so far\n`)
    walked += keys.length
    scans++
    const rests = options.intervalMs !== undefined && scans % scansWithoutRest === 0
    if (rests && !(await streams.rest(options.intervalMs))) return
  } while (cursor !== '0')
}

/** Sends a request for each key at once, and returns the replies in order. */
export function askAll(
  { connection }: Task,
  keys: readonly string[],
  request: (key: string, index: number) => readonly string[],
): Promise<Reply[]> {
  return Promise.all(keys.map((key, index) => connection.ask(request(key, index))))
}

/** Prints a percentage as redis-cli does: `07.50`. */
export function twoDigits(value: number): string {
  return value.toFixed(2).padStart(5, '0')
}

/** Prints the words before a walk. */
export function printWalkHeading({ streams }: Task, what: string): void {
  streams.print(
    `\n# Scanning the entire keyspace to find ${what} keys as well as\n` +
      '# average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n' +
      '# per 100 SCAN commands (not usually needed).\n\n',
  )
}
