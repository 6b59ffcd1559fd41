// What does a cache of `maxmemory` hold, how often is it right, and how much memory has the
// process, when it is written to beyond the limit?

import { startChild } from './child.ts'
import type { CacheInput, CacheReport } from './children/cache.ts'
import type { ChurnInput, ChurnReport } from './children/churn.ts'
import { type Answer, atMost, type Question, type Row, type Scale } from './question.ts'
import { NO_PERSISTENCE, RIVALS, type Rival, startServer } from './servers.ts'

const LIMIT_BYTES = 200 * 1024 * 1024
/** Resident memory may be so many times the limit. */
const RESIDENT_MAX = 1.3
/** By so much fewer of a hundred questions may be answered. */
const POINTS_MAX = 2
const POLICIES = ['allkeys-lru', 'allkeys-lfu'] as const
/** Five times what has room, asked for as caches are. */
const CACHE = { keys: 5_000_000, exponent: 0.9, seed: 20_261_122, valueBytes: 100 }
/**
 * Values of one size after the other take the place of those before: each time some hundred
 * megabytes are written.
 */
const PHASES = [
  { what: '100 B', valueBytes: 100, count: 2_000_000 },
  { what: '10 B, after those', valueBytes: 10, count: 3_000_000 },
  { what: '1000 B, after those', valueBytes: 1000, count: 400_000 },
  { what: '0 to 2000 B, after those', valueBytes: 'mixed', count: 400_000 },
] as const

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const lines = new Set<string>()
  const part = scale.keys / 1_000_000
  const add = (row: Row) => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  const of = async <T>(policy: string, child: string, input: object): Promise<Record<Rival, T>> => {
    const reports: Partial<Record<Rival, T>> = {}
    for (const rival of RIVALS) {
      const server = await startServer(rival, [...NO_PERSISTENCE, '--maxmemory', '200mb', '--maxmemory-policy', policy])
      lines.add(server.commandLine)
      try {
        reports[rival] = await startChild<T>(child, { port: server.port, pid: server.pid, ...input }).result
      } finally {
        await server.stop()
      }
    }
    return reports as Record<Rival, T>
  }
  for (const policy of POLICIES) {
    const keys = Math.round(CACHE.keys * part)
    const input = { ...CACHE, keys, warmUp: keys, counted: Math.round(keys / 5), expires: false } satisfies Omit<
      CacheInput,
      'port'
    >
    const { respite, redis } = await of<CacheReport>(policy, 'cache', input)
    const points = 100 * (respite.hitRate - redis.hitRate)
    add({
      what: `questions answered under ${policy}`,
      respite: `${(100 * respite.hitRate).toFixed(1)} %`,
      redis: `${(100 * redis.hitRate).toFixed(1)} %`,
      figure: `${points.toFixed(1)} points`,
      target: `≥ -${POINTS_MAX} points`,
      met: points >= -POINTS_MAX,
    })
    const phases = PHASES.map(({ valueBytes, count }) => ({ valueBytes, count: Math.round(count * part) }))
    const churn = await of<ChurnReport>(policy, 'churn', { phases } satisfies Omit<ChurnInput, 'port' | 'pid'>)
    for (const [i, { what }] of PHASES.entries()) {
      const [ours, theirs] = [churn.respite.phases[i]!, churn.redis.phases[i]!]
      const shown = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(0)} MiB`
      const times = ours.endBytes / LIMIT_BYTES
      add({
        ...atMost(
          `RSS, values of ${what}, ${policy}`,
          times,
          RESIDENT_MAX,
          shown(ours.endBytes),
          shown(theirs.endBytes),
        ),
        figure: `${times.toFixed(2)} × the limit`,
      })
      rows.push({
        what: `the most meanwhile`,
        respite: shown(ours.mostBytes),
        redis: shown(theirs.mostBytes),
        figure: '',
        target: '',
        met: undefined,
      })
    }
  }
  return {
    title: 'Eviction: maxmemory 200mb',
    commandLines: [...lines],
    rows,
    notes: [
      'One pipelined client asks for five million keys, of which the one of rank r comes 1/r^0.9 times as often as the first, and stores what is missing, with 100 bytes each (bench/children/cache.ts); the last fifth of the questions counts. Another sets ever new keys, with values of one size after the other (bench/children/churn.ts).',
    ],
  }
}

export const eviction: Question = { name: 'eviction', ask }
