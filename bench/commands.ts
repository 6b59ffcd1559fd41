// How fast are the commands that redis-benchmark knows, and how long is the tail?
//
// One redis-benchmark a command, depth and server, as long as `seconds`: the number of requests is found with a short run first.

import { spawn } from 'node:child_process'
import { alternate, median, medianOf, PAIRS, type Pair, ratio } from './pairs.ts'
import { type Answer, atLeast, atMost, perSecond, type Question, type Row, type Scale } from './question.ts'
import { RIVALS, type Rival, type Server, startServer } from './servers.ts'

/** The name for `-t`, and the beginning of its line in the CSV. */
const TESTS = [
  { name: 'ping_mbulk', line: 'PING_MBULK', shown: 'PING' },
  { name: 'set', line: 'SET', shown: 'SET' },
  { name: 'get', line: 'GET', shown: 'GET' },
  { name: 'incr', line: 'INCR', shown: 'INCR' },
  { name: 'lpush', line: 'LPUSH', shown: 'LPUSH' },
  { name: 'rpush', line: 'RPUSH', shown: 'RPUSH' },
  { name: 'lpop', line: 'LPOP', shown: 'LPOP' },
  { name: 'rpop', line: 'RPOP', shown: 'RPOP' },
  { name: 'lrange_100', line: 'LRANGE_100', shown: 'LRANGE_100' },
  { name: 'mset', line: 'MSET', shown: 'MSET (10 keys)' },
] as const

const DEPTHS = [
  { pipeline: 1, least: 0.95 },
  { pipeline: 16, least: 1.0 },
]
const P99_MOST = 1.5
/** Below this a p99 is the resolution of the client's histogram and the scheduler, not the server. */
const P99_RESOLUTION_MS = 0.1
const CALIBRATION_REQUESTS = 20_000

export interface Load {
  perSecond: number
  p99Ms: number
}

/** Runs redis-benchmark and returns the line of one test. */
export async function redisBenchmark(
  port: number,
  words: readonly string[],
  line: string,
  program = 'redis-benchmark',
): Promise<Load> {
  const child = spawn(program, ['-p', String(port), '--csv', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let csv = ''
  for await (const chunk of child.stdout) csv += chunk
  for (const row of csv.split('\n')) {
    const cells = row.split('","').map((cell) => cell.replaceAll('"', ''))
    if (cells[0]?.startsWith(line)) return { perSecond: Number(cells[1]), p99Ms: Number(cells[6]) }
  }
  throw new Error(`redis-benchmark ${words.join(' ')} printed no line for ${line}:\n${csv}`)
}

export interface Comparison {
  what: string
  /** Of redis-benchmark, but for how many requests. */
  options: readonly string[]
  /** The beginning of the test's line in the CSV. */
  line: string
  /** Requests a second, of redis-server's, that are wanted at least. */
  least: number
  servers: ReadonlyMap<Rival, Server>
  scale: Scale
  /** Requests of the short run that finds how many the others take. Default: as many as take some tenths of a second. */
  calibration?: number
  /** Done before each run. Default: nothing. */
  prepare?: (server: Server, options: readonly string[], count: number) => Promise<void>
}

/** Runs a test on both servers, alternating; returns a row for requests per second and one for p99. */
export async function compare(comparison: Comparison): Promise<Row[]> {
  const { what, options, line, least, servers, scale, calibration = CALIBRATION_REQUESTS, prepare } = comparison
  const run = async (rival: Rival, count: number): Promise<Load> => {
    const server = servers.get(rival)!
    await prepare?.(server, options, count)
    return redisBenchmark(server.port, [...options, '-n', String(count)], line)
  }
  const shortRun = scale.quick ? 1000 : calibration
  const found = await run('redis', shortRun)
  await run('respite', shortRun)
  const count = Math.max(1000, Math.round(found.perSecond * scale.seconds))
  const tails: Pair[] = Array.from({ length: PAIRS }, () => ({ respite: 0, redis: 0 }))
  const rounds = { respite: 0, redis: 0 }
  const pairs = await alternate(async (rival) => {
    const load = await run(rival, count)
    tails[rounds[rival]++]![rival] = load.p99Ms
    return load.perSecond
  })
  const rate = (rival: Rival): string => perSecond(medianOf(pairs, rival))
  const row = atLeast(what, ratio(pairs), least, rate('respite'), rate('redis'))
  console.log(`  ${what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  const tail = median(tails.map(({ respite, redis }) => respite / Math.max(redis, P99_RESOLUTION_MS)))
  return [row, atMost(`${what}, p99`, tail, P99_MOST, ms(medianOf(tails, 'respite')), ms(medianOf(tails, 'redis')))]
}

/** Clients, bytes of a value, keys. */
export const COMMON = ['-c', '50', '-d', '64', '-r', '100000']

async function ask(scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival))
  const rows: Row[] = []
  try {
    for (const { pipeline, least } of DEPTHS) {
      for (const test of TESTS) {
        const options = [...COMMON, '-P', String(pipeline), '-t', test.name]
        const what = `${test.shown}, P=${pipeline}`
        rows.push(...(await compare({ what, options, line: test.line, least, servers, scale, prepare })))
      }
    }
    return {
      title: 'Commands: requests per second and p99',
      commandLines: [
        ...RIVALS.map((rival) => servers.get(rival)!.commandLine),
        `redis-benchmark ${COMMON.join(' ')} -P <1 or 16> -t <test> -n <requests for ${scale.seconds} s> --csv`,
      ],
      rows,
      notes: ['LPOP and RPOP pop from a list filled before; what fills it is not measured.'],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

const ms = (value: number): string => `${value.toFixed(2)} ms`

/** Gives each test what it needs: an empty list to push to, or one long enough to be popped from until the end. */
async function prepare({ port, asker }: Server, options: readonly string[], count: number): Promise<void> {
  const test = options.at(-1)!
  if (!/^[lr](push|pop|range)/.test(test)) return
  await asker.ask('DEL', 'mylist')
  if (!test.endsWith('pop')) return
  await redisBenchmark(port, ['-c', '10', '-d', '64', '-P', '64', '-t', 'lpush', '-n', String(count)], 'LPUSH')
}

export const commands: Question = { name: 'commands', ask }
