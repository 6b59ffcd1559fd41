// The keys of another server that serve as queues, found by SCAN, a stretch at a time. All who look
// share the walk of a database.

import type { Clock } from '../../util/time/clock.ts'
import { type Asker, textOf } from '../console/asker.ts'
import type { FoundKeys } from '../console/broker-view.ts'
import { kindOf } from '../jobs/queue-figures.ts'
import type { QueueName } from '../jobs/queue-keys.ts'

/** SCAN is asked so often at most for one request, for so many keys at a time. */
const SCANS_MAX = 50
const SCANNED = '1000'
/** A walk that has ended is begun again after this time, or after ten times as long as it took. */
const AGAIN_MS = 2000
const REST = 10
/** This bounds each kind. */
const KEYS_MAX = 200
/** Keys of BullMQ and Bull, which are shown as queues. */
const QUEUE_LIST = /:(wait|paused|active|stalled|events|logs)$/

const WALKS = [
  { pattern: '*:meta', type: 'hash' },
  { pattern: '*:id', type: 'string' },
  { pattern: '*', type: 'list' },
  { pattern: '*', type: 'stream' },
] as const

class Walk {
  /** `type name` of what this walk has found, and of what the last one had. */
  names = new Set<string>()
  last: ReadonlySet<string> = new Set()
  step = 0
  cursor = '0'
  beganMs = 0
  againMs = 0
  going: Promise<void> | undefined = undefined
}

export class RemoteKeyspace {
  readonly #clock: Clock
  readonly #walks = new Map<number, Walk>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Goes on with the walk of a database. Rejects with HttpError. */
  async find(asker: Asker, database: number): Promise<FoundKeys> {
    const walk = this.#walks.get(database) ?? new Walk()
    this.#walks.set(database, walk)
    walk.going ??= this.#go(asker, walk).finally(() => {
      walk.going = undefined
    })
    await walk.going
    const names = [...new Set([...walk.last, ...walk.names])].sort()
    const of = (type: string): string[] =>
      names.filter((name) => name.startsWith(`${type} `)).map((name) => name.slice(type.length + 1))
    const queues = await queuesOf(asker, [...new Set([...of('hash'), ...of('string')])].slice(0, KEYS_MAX))
    return {
      queues,
      lists: of('list')
        .filter((name) => !QUEUE_LIST.test(name))
        .slice(0, KEYS_MAX),
      streams: of('stream').slice(0, KEYS_MAX),
      isLooking: walk.againMs === 0,
    }
  }

  async #go(asker: Asker, walk: Walk): Promise<void> {
    const nowMs = this.#clock.monotonic()
    if (walk.step === 0 && walk.cursor === '0') {
      if (nowMs < walk.againMs) return
      walk.beganMs = nowMs
    }
    for (let i = 0; i < SCANS_MAX; i++) {
      const { pattern, type } = WALKS[walk.step] ?? WALKS[0]
      const [page] = await asker.ask([['SCAN', walk.cursor, 'MATCH', pattern, 'COUNT', SCANNED, 'TYPE', type]])
      const [next, keys] = page as [unknown, unknown[]]
      const count = [...walk.names].filter((name) => name.startsWith(`${type} `)).length
      for (const key of keys.slice(0, Math.max(0, KEYS_MAX - count)))
        walk.names.add(`${type} ${(textOf(key) ?? '').slice(0, pattern === '*' ? undefined : 1 - pattern.length)}`)
      walk.cursor = textOf(next) ?? '0'
      if (walk.cursor === '0') walk.step++
      if (walk.step < WALKS.length) continue
      this.#ended(walk)
      return
    }
  }

  #ended(walk: Walk): void {
    walk.last = walk.names
    walk.names = new Set()
    walk.step = 0
    const nowMs = this.#clock.monotonic()
    walk.againMs = nowMs + Math.max(AGAIN_MS, REST * (nowMs - walk.beganMs))
  }
}

async function queuesOf(asker: Asker, keys: readonly string[]): Promise<QueueName[]> {
  const queues: QueueName[] = []
  for (const key of keys) {
    const colon = key.lastIndexOf(':')
    const [prefix, name] = [key.slice(0, Math.max(0, colon)), key.slice(colon + 1)]
    const kind = await kindOf(asker, prefix, name)
    if (kind !== undefined) queues.push({ prefix, name, kind })
  }
  return queues
}
