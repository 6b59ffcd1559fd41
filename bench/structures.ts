// How fast are the commands of hashes, sets, sorted sets, streams, HyperLogLogs and geo?
//
// Commands that redis-benchmark has a test for are measured at both depths, the others with the
// command written out. Its random numbers have twelve digits, as the loaded members have.

import { startChild } from './child.ts'
import type { Kind } from './children/load.ts'
import { fillFor } from './fill.ts'
import { alternate, medianOf, ratio } from './pairs.ts'
import { type Answer, atLeast, perSecond, type Question, type Row, type Scale } from './question.ts'
import { COMMON, redisBenchmark } from './redis-benchmark.ts'
import { RIVALS, type Rival, type Server, startServer } from './servers.ts'

interface Test {
  shown: string
  /** redis-benchmark's options after the common ones: a test of its own or a command. */
  words: string[]
  /** The content before each run; `requests` requests are about to come. */
  prepare?(server: Server, requests: number): Promise<void>
}

const DEPTHS = [
  { pipeline: 1, least: 0.95 },
  { pipeline: 16, least: 1.0 },
]
const CALIBRATION_REQUESTS = 10_000
/** No command here is faster. */
const PER_SECOND_MAX = 2_000_000

async function load({ port, asker }: Server, key: string, kind: Kind, count: number): Promise<void> {
  if ((await asker.ask('EXISTS', key)) === 1) return
  await startChild('load', { port, kind, count, valueBytes: 20 }).result
}

const BOTH_DEPTHS: Test[] = [
  { shown: 'SADD', words: ['-t', 'sadd'] },
  { shown: 'HSET', words: ['-t', 'hset'] },
  {
    shown: 'SPOP',
    words: ['-t', 'spop'],
    prepare: (server, requests) => fillFor('spop', server, requests),
  },
  { shown: 'ZADD', words: ['-t', 'zadd'] },
  {
    shown: 'ZPOPMIN',
    words: ['-t', 'zpopmin'],
    prepare: (server, requests) => fillFor('zpopmin', server, requests),
  },
]

function pipelined(scale: Scale): Test[] {
  const million = scale.keys
  const hash = Array.from({ length: 20 }, (_, i) => [`field:${i}`, `value of field ${i}`]).flat()
  return [
    {
      shown: 'XADD (1 field)',
      words: ['XADD', 'stream', '*', 'field', '__rand_int__'],
      prepare: async ({ asker }) => {
        await asker.ask('DEL', 'stream')
      },
    },
    {
      shown: `ZRANGEBYSCORE … LIMIT 0 10, ${million.toLocaleString('en')} members`,
      words: ['-r', String(million), 'ZRANGEBYSCORE', 'zset', '__rand_int__', '+inf', 'LIMIT', '0', '10'],
      prepare: (server) => load(server, 'zset', 'oneSortedSet', million),
    },
    {
      shown: `ZRANK, ${million.toLocaleString('en')} members`,
      words: ['-r', String(million), 'ZRANK', 'zset', 'member:__rand_int__'],
      prepare: (server) => load(server, 'zset', 'oneSortedSet', million),
    },
    {
      shown: 'HGETALL, 20 fields',
      words: ['HGETALL', 'hash'],
      prepare: async ({ asker }) => {
        await asker.ask('HSET', 'hash', ...hash)
      },
    },
    { shown: 'PFADD', words: ['PFADD', 'visitors', '__rand_int__'] },
  ]
}

function single(scale: Scale): Test[] {
  const members = scale.quick ? 200 : 10_000
  return [
    {
      shown: `SINTER, two sets of ${members.toLocaleString('en')}, half of it in both`,
      words: ['SINTER', 'a', 'b'],
      prepare: async ({ asker }) => {
        const some = (from: number) => Array.from({ length: members }, (_, i) => `member:${from + i}`)
        await asker.ask('SADD', 'a', ...some(0))
        await asker.ask('SADD', 'b', ...some(members / 2))
      },
    },
    {
      shown: 'GEOSEARCH … BYRADIUS 50 km, 100,000 points',
      words: ['GEOSEARCH', 'geo', 'FROMLONLAT', '10', '47', 'BYRADIUS', '50', 'km', 'ASC'],
      prepare: (server) => load(server, 'geo', 'points', scale.quick ? 1000 : 100_000),
    },
  ]
}

async function ask(scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival))
  const rows: Row[] = []

  async function compare({ shown, words, prepare }: Test, pipeline: number, least: number): Promise<void> {
    const line = words[0] === '-t' ? words[1]!.toUpperCase() : words.slice(words[0] === '-r' ? 2 : 0).join(' ')
    const run = async (rival: Rival, requests: number): Promise<number> => {
      const server = servers.get(rival)!
      await prepare?.(server, requests)
      const options = [...COMMON, '-P', String(pipeline), '-n', String(requests), ...words]
      return (await redisBenchmark(server.port, options, line)).perSecond
    }
    // Slow commands are not asked ten thousand times to learn that they are slow.
    let requests = scale.quick ? 200 : 500
    let calibration = await run('redis', requests)
    if (!scale.quick && calibration > CALIBRATION_REQUESTS) {
      requests = CALIBRATION_REQUESTS
      calibration = await run('redis', requests)
    }
    await run('respite', requests)
    // A run that is over within the clock's resolution says "inf".
    const count = Math.max(requests, Math.round(Math.min(calibration, PER_SECOND_MAX) * scale.seconds))
    const pairs = await alternate((rival) => run(rival, count))
    const row = atLeast(
      `${shown}, P=${pipeline}`,
      ratio(pairs),
      least,
      perSecond(medianOf(pairs, 'respite')),
      perSecond(medianOf(pairs, 'redis')),
    )
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
    rows.push(row)
  }

  try {
    for (const { pipeline, least } of DEPTHS) for (const test of BOTH_DEPTHS) await compare(test, pipeline, least)
    for (const test of pipelined(scale)) await compare(test, 16, 1)
    for (const test of single(scale)) await compare(test, 1, 1)
    await compareGroups()
    return {
      title: 'Structures: requests per second',
      commandLines: [
        ...RIVALS.map((rival) => servers.get(rival)!.commandLine),
        `redis-benchmark ${COMMON.join(' ')} -P <1 or 16> -n <requests for ${scale.seconds} s> <-t test, or the command> --csv`,
      ],
      rows,
      notes: [
        'SPOP and ZPOPMIN pop from what was filled before; what fills it is not measured.',
        'XREADGROUP + XACK: eight consumers, each reading 10 new entries at a time and acknowledging them in one XACK.',
      ],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }

  async function compareGroups(): Promise<void> {
    const entries = scale.quick ? 500 : 100_000
    const pairs = await alternate(async (rival) => {
      const { port, asker } = servers.get(rival)!
      await asker.ask('DEL', 'jobs')
      await asker.ask('XGROUP', 'CREATE', 'jobs', 'workers', '$', 'MKSTREAM')
      await redisBenchmark(
        port,
        ['-c', '10', '-P', '64', '-n', String(entries), 'XADD', 'jobs', '*', 'job', '1'],
        'XADD jobs * job 1',
      )
      // redis-benchmark adds whole pipelines, so there may be a few more.
      const added = Number(await asker.ask('XLEN', 'jobs'))
      const consumed = startChild<{ seconds: number }>('consume', { port, entries: added, consumers: 8 })
      return added / (await consumed.result).seconds
    })
    const [ours, theirs] = [medianOf(pairs, 'respite'), medianOf(pairs, 'redis')]
    const row = atLeast('XREADGROUP + XACK, entries', ratio(pairs), 1, perSecond(ours), perSecond(theirs))
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
    rows.push(row)
  }
}

export const structures: Question = { name: 'structures', ask }
