// How fast are scripts: small ones that call commands, those that compute, and large ones when they
// are new?
//
// The cost of a script is the server's own figure (`usec_per_call` of INFO commandstats). The cost
// of a request is CPU time of the server's process, without a client's own work.

import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { alternate, median, medianOf, ratio } from './pairs.ts'
import { type Answer, atLeast, bounded, perSecond, type Question, type Row, type Scale } from './question.ts'
import { redisBenchmark } from './redis-benchmark.ts'
import { processorSeconds, RIVALS, type Rival, type Server, startServer } from './servers.ts'

const COMMON = ['-c', '50']

const THREE_CALLS = `
redis.call('SET', KEYS[1], ARGV[1])
redis.call('INCR', KEYS[2])
return redis.call('GET', KEYS[1])`
const DEPTHS = [
  { pipeline: 1, least: 1.0 },
  { pipeline: 16, least: 1.3 },
]

/** A loop, a text made of pieces, tables sorted both ways. */
const COMPUTING = `
local sum = 0
for i = 1, 50000 do sum = sum + i % 7 * 2 end
local parts = {}
for i = 1, 2000 do parts[#parts + 1] = 'item:' .. i .. ';' end
local text = table.concat(parts)
local numbers = {}
local x = 42
for i = 1, 2000 do
  x = (x * 1103515245 + 12345) % 2147483648
  numbers[i] = x
end
table.sort(numbers)
table.sort(numbers, function(a, b) return a > b end)
return {sum, #text, numbers[1]}`
const COMPUTING_LEAST = 5

const COMPILE_MS_MAX = 20
const KNOWN_BODY_US_MAX = 20
const INFO_US_MAX = 50

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const add = (row: Row) => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  const large = largestScript()
  add(await firstCompile(large, scale))
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival))
  try {
    for (const { pipeline, least } of DEPTHS) add(await threeCalls(servers, pipeline, least, scale))
    add(await computing(servers, scale))
    add(await knownBody(servers, large, scale))
    add(await info(servers, scale))
    return {
      title: 'Scripts',
      commandLines: [
        ...RIVALS.map((rival) => servers.get(rival)!.commandLine),
        `redis-benchmark ${COMMON.join(' ')} -P <1 or 16> -n <requests for ${scale.seconds} s> --csv EVALSHA <sha> 2 one two value`,
      ],
      rows,
      notes: [
        'The three calls: SET, INCR and GET.',
        'The script that computes is `COMPUTING` in bench/lua.ts: loops of additions, text put together, and two sorts of 2,000 numbers.',
        "First compile: SCRIPT LOAD of BullMQ's largest script as the first script a fresh process sees.",
        'A known body: CPU time of the server for EVAL of that script (returning at once) less that for its EVALSHA.',
      ],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

/** The largest of BullMQ's scripts, about 39 KB. */
function largestScript(): string {
  const require = createRequire(import.meta.url)
  const folder = join(dirname(require.resolve('bullmq')), 'scripts')
  const bodies: string[] = []
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.js')) continue
    for (const each of Object.values(require(join(folder, file)) as object)) {
      if (typeof each?.content === 'string') bodies.push(each.content)
    }
  }
  return bodies.reduce((longest, body) => (body.length > longest.length ? body : longest), '')
}

async function firstCompile(body: string, scale: Scale): Promise<Row> {
  const times = scale.quick ? 1 : 9
  const took: Record<Rival, number[]> = { respite: [], redis: [] }
  for (let i = 0; i < times; i++) {
    for (const rival of RIVALS) {
      const server = await startServer(rival)
      await server.asker.ask('SCRIPT', 'LOAD', body)
      took[rival].push((await microsecondsPerCall(server, 'script|load')) / 1000)
      await server.stop()
    }
  }
  const size = Math.round(body.length / 1000)
  const theirs = `${median(took.redis).toFixed(1)} ms`
  return bounded(`first compile of a script of ${size} KB`, median(took.respite), COMPILE_MS_MAX, 'ms', theirs)
}

async function threeCalls(servers: Map<Rival, Server>, pipeline: number, least: number, scale: Scale): Promise<Row> {
  const run = async (rival: Rival, count: number): Promise<number> => {
    const { port, asker } = servers.get(rival)!
    const sha = String(await asker.ask('SCRIPT', 'LOAD', THREE_CALLS))
    const words = ['EVALSHA', sha, '2', 'one', 'two', 'value']
    await asker.ask('DEL', 'two')
    const options = [...COMMON, '-P', String(pipeline), '-n', String(count), ...words]
    return (await redisBenchmark(port, options, words.join(' '))).perSecond
  }
  const calibration = await run('redis', scale.quick ? 1000 : 20_000)
  await run('respite', scale.quick ? 1000 : 20_000)
  const count = Math.max(1000, Math.round(calibration * scale.seconds))
  const pairs = await alternate((rival) => run(rival, count))
  return atLeast(
    `EVALSHA of three calls, P=${pipeline}`,
    ratio(pairs),
    least,
    perSecond(medianOf(pairs, 'respite')),
    perSecond(medianOf(pairs, 'redis')),
  )
}

async function computing(servers: Map<Rival, Server>, scale: Scale): Promise<Row> {
  const pairs = await alternate(async (rival) => {
    const server = servers.get(rival)!
    const run = async (count: number) => {
      for (let i = 0; i < count; i++) await server.asker.ask('EVAL', COMPUTING, '0')
    }
    await run(scale.quick ? 20 : 200)
    await server.asker.ask('CONFIG', 'RESETSTAT')
    await run(scale.quick ? 20 : Math.round(scale.seconds * 400))
    // Runs a second.
    return 1e6 / (await microsecondsPerCall(server, 'eval'))
  })
  return atLeast(
    'a script that only computes',
    ratio(pairs),
    COMPUTING_LEAST,
    `${(1e6 / medianOf(pairs, 'respite')).toFixed(0)} µs`,
    `${(1e6 / medianOf(pairs, 'redis')).toFixed(0)} µs`,
  )
}

/** The cost of a request with the body of a compiled script, over one with its digest. */
async function knownBody(servers: Map<Rival, Server>, large: string, scale: Scale): Promise<Row> {
  const body = `do return 1 end\n${large}`
  const [first, count] = scale.quick ? [20, 100] : [2000, Math.round(scale.seconds * 4000)]
  const more = await alternate(async (rival) => {
    const { asker, pid } = servers.get(rival)!
    const sha = String(await asker.ask('SCRIPT', 'LOAD', body))
    const cost = async (words: readonly string[]): Promise<number> => {
      for (let i = 0; i < first; i++) await asker.ask(...words)
      const before = processorSeconds(pid)
      for (let i = 0; i < count; i++) await asker.ask(...words)
      return ((processorSeconds(pid) - before) * 1e6) / count
    }
    return (await cost(['EVAL', body, '0'])) - (await cost(['EVALSHA', sha, '0']))
  })
  const [ours, theirs] = [medianOf(more, 'respite'), medianOf(more, 'redis')]
  return bounded('EVAL of that known body, over EVALSHA', ours, KNOWN_BODY_US_MAX, 'µs', `${theirs.toFixed(1)} µs`)
}

async function info(servers: Map<Rival, Server>, scale: Scale): Promise<Row> {
  const pairs = await alternate(async (rival) => {
    const server = servers.get(rival)!
    for (let i = 0; i < 20; i++) await server.asker.ask('INFO')
    await server.asker.ask('CONFIG', 'RESETSTAT')
    for (let i = 0; i < (scale.quick ? 20 : 2000); i++) await server.asker.ask('INFO')
    return microsecondsPerCall(server, 'info')
  })
  return bounded('INFO', medianOf(pairs, 'respite'), INFO_US_MAX, 'µs', `${medianOf(pairs, 'redis').toFixed(1)} µs`)
}

/** The server's figures of a command since its statistics were reset. */
async function microsecondsPerCall(server: Server, command: string): Promise<number> {
  const stats = String(await server.asker.ask('INFO', 'commandstats'))
  const line = stats.split('\r\n').find((each) => each.startsWith(`cmdstat_${command}:`))
  return Number(/usec_per_call=([\d.]+)/.exec(line ?? '')?.[1])
}

export const lua: Question = { name: 'lua', ask }
