// How fast are the commands that redis-benchmark knows, and how long is the tail?
//
// One redis-benchmark a command, depth and server, as long as `seconds`: the number of requests is
// found with a short run first.

import { fillFor } from './fill.ts'
import { type CostedLoad, costed, microseconds } from './loads.ts'
import { alternate, median, medianOf, PAIRS, type Pair, ratio } from './pairs.ts'
import { type Answer, atLeast, atMost, perSecond, type Question, type Row, type Scale } from './question.ts'
import { COMMON, redisBenchmark } from './redis-benchmark.ts'
import { NO_PERSISTENCE, RIVALS, type Rival, type Server, startServer } from './servers.ts'

/**
 * A test of redis-benchmark: its name for `-t`, the beginning of its line in the CSV, and what it
 * is called here.
 */
interface Test {
  readonly name: string
  readonly line: string
  readonly shown: string
}

const named = (shown: string): Test => ({ name: shown.toLowerCase(), line: shown, shown })

const TESTS: readonly Test[] = [
  { name: 'ping_mbulk', line: 'PING_MBULK', shown: 'PING' },
  ...['SET', 'GET', 'INCR', 'LPUSH', 'RPUSH', 'LPOP', 'RPOP', 'LRANGE_100'].map(named),
  { name: 'mset', line: 'MSET', shown: 'MSET (10 keys)' },
]
/** Its further tests, for a complete run. */
const MORE_TESTS: readonly Test[] = [
  { name: 'ping_inline', line: 'PING_INLINE', shown: 'PING, inline' },
  ...['SADD', 'HSET', 'SPOP', 'ZADD', 'ZPOPMIN', 'LRANGE_300', 'LRANGE_600'].map(named),
]

/**
 * The targets at a depth, as shares of redis-server's figures: requests a second at least, the rest
 * at most.
 */
interface Wanted {
  readonly pipeline: number
  readonly least: number
  readonly tailMost: number
  /** Processor time a request; undefined: not asked. */
  readonly processorMost?: number
}

/** How both are configured, and what is asked of them. */
interface Setting {
  readonly title: string
  readonly options: readonly string[]
  readonly tests: readonly Test[]
  readonly depths: readonly Wanted[]
}

const P99_MOST = 1.5
const SETTINGS: readonly Setting[] = [
  {
    title: 'Commands in the default configuration: an append-only file, synced every second',
    options: ['--appendonly', 'yes', '--save', ''],
    tests: [...TESTS, ...MORE_TESTS],
    depths: [
      { pipeline: 1, least: 1, tailMost: 1, processorMost: 1.2 },
      { pipeline: 16, least: 1.2, tailMost: 1, processorMost: 1 },
    ],
  },
  {
    title: 'Commands: requests per second and p99',
    options: NO_PERSISTENCE,
    tests: TESTS,
    depths: [
      { pipeline: 1, least: 0.95, tailMost: P99_MOST },
      { pipeline: 16, least: 1, tailMost: P99_MOST },
    ],
  },
]
/**
 * Below this a p99 is the resolution of the client's histogram and the scheduler, not the server.
 */
const P99_RESOLUTION_MS = 0.1
const CALIBRATION_REQUESTS = 20_000

export interface Comparison {
  what: string
  /** Of redis-benchmark, but for how many requests. */
  options: readonly string[]
  /** The beginning of the test's line in the CSV. */
  line: string
  /** Requests a second, of redis-server's, that are wanted at least. */
  least: number
  /** p99, of redis-server's, that is wanted at most. Default: 1.5. */
  tailMost?: number
  /**
   * Processor time a request, of redis-server's, that is wanted at most. Default: there is no row
   * for it.
   */
  processorMost?: number | undefined
  servers: ReadonlyMap<Rival, Server>
  scale: Scale
  /**
   * Requests of the short run that finds how many the others take. Default: as many as take some
   * tenths of a second.
   */
  calibration?: number
  /** Done before each run. Default: nothing. */
  prepare?: (server: Server, count: number) => Promise<void>
}

/**
 * Runs a test on both servers, alternating; returns a row for requests per second, one for p99, and
 * one for processor time if that is asked.
 */
export async function compare(comparison: Comparison): Promise<Row[]> {
  const { what, options, line, least, servers, scale, calibration = CALIBRATION_REQUESTS, prepare } = comparison
  const { processorMost, tailMost = P99_MOST } = comparison
  const run = async (rival: Rival, count: number): Promise<CostedLoad> => {
    const server = servers.get(rival)!
    await prepare?.(server, count)
    return costed(server.pid, count, () => redisBenchmark(server.port, [...options, '-n', String(count)], line))
  }
  const shortRun = scale.quick ? 1000 : calibration
  const found = await run('redis', shortRun)
  await run('respite', shortRun)
  const count = Math.max(1000, Math.round(found.perSecond * scale.seconds))
  const noPairs = (): Pair[] => Array.from({ length: PAIRS }, () => ({ respite: 0, redis: 0 }))
  const [tails, times] = [noPairs(), noPairs()]
  const rounds = { respite: 0, redis: 0 }
  const pairs = await alternate(async (rival) => {
    const load = await run(rival, count)
    const round = rounds[rival]++
    tails[round]![rival] = load.p99Ms
    times[round]![rival] = load.microseconds
    return load.perSecond
  })
  const rate = (rival: Rival): string => perSecond(medianOf(pairs, rival))
  const row = atLeast(what, ratio(pairs), least, rate('respite'), rate('redis'))
  console.log(`  ${what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  const tail = median(tails.map(({ respite, redis }) => respite / Math.max(redis, P99_RESOLUTION_MS)))
  const rows = [
    row,
    atMost(`${what}, p99`, tail, tailMost, ms(medianOf(tails, 'respite')), ms(medianOf(tails, 'redis'))),
  ]
  if (processorMost !== undefined) {
    const shown = (rival: Rival): string => microseconds(medianOf(times, rival))
    rows.push(atMost(`${what}: server time a request`, ratio(times), processorMost, shown('respite'), shown('redis')))
  }
  return rows
}

async function ask(scale: Scale): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const setting of SETTINGS) answers.push(await askIn(setting, scale))
  return answers
}

async function askIn({ title, options: settings, tests, depths }: Setting, scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival, settings))
  const rows: Row[] = []
  try {
    for (const { pipeline, ...wanted } of depths) {
      for (const { name, line, shown } of tests) {
        const options = [...COMMON, '-P', String(pipeline), '-t', name]
        const what = `${shown}, P=${pipeline}`
        const prepare = (server: Server, count: number) => fillFor(name, server, count)
        rows.push(...(await compare({ what, options, line, ...wanted, servers, scale, prepare })))
      }
    }
    return {
      title,
      commandLines: [
        ...RIVALS.map((rival) => servers.get(rival)!.commandLine),
        `redis-benchmark ${COMMON.join(' ')} -P <1 or 16> -t <test> -n <requests for ${scale.seconds} s> --csv`,
      ],
      rows,
      notes: ['Lists and sets that are popped from are filled before; the filling is not measured.'],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

const ms = (value: number): string => `${value.toFixed(2)} ms`

export const commands: Question = { name: 'commands', ask }
