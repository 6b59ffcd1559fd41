// How fast is LPUSH when each is fsynced before its reply, and who waits for the disk?

import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from './child.ts'
import { redisBenchmark } from './commands.ts'
import { alternate, median, medianOf, type Pair, percentile, ratio } from './pairs.ts'
import { type Answer, atLeast, atMost, perSecond, type Question, type Row, type Scale } from './question.ts'
import { RIVALS, type Rival, type Server, startServer } from './servers.ts'

const OPTIONS = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']

async function ask(scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival, OPTIONS))
  const rows: Row[] = []
  const add = (row: Row) => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  const load = (rival: Rival, pipeline: number, count: number) => {
    const words = ['-c', '50', '-d', '64', '-r', '100000', '-P', String(pipeline), '-t', 'lpush', '-n', String(count)]
    return redisBenchmark(servers.get(rival)!.port, words, 'LPUSH')
  }
  try {
    const fsyncMs = measureFsync(servers.get('respite')!.directory, scale.quick ? 5 : 200)
    const counts = new Map<number, number>()
    for (const pipeline of [1, 16]) {
      const calibration = await load('redis', pipeline, scale.quick ? 200 : 5000)
      const count = Math.max(200, Math.round(calibration.perSecond * scale.seconds))
      counts.set(pipeline, count)
      const pairs = await alternate(async (rival) => {
        await servers.get(rival)!.asker.ask('DEL', 'mylist')
        return (await load(rival, pipeline, count)).perSecond
      })
      const shown = [perSecond(medianOf(pairs, 'respite')), perSecond(medianOf(pairs, 'redis'))] as const
      add(atLeast(`LPUSH, appendfsync always, 50 clients, P=${pipeline}`, ratio(pairs), 1, ...shown))
    }
    const quiet = await getLatency(servers, scale, undefined)
    const busy = await getLatency(servers, scale, (rival) => load(rival, 1, counts.get(1)!))
    const shown = (pairs: Pair[], rival: Rival) => `${medianOf(pairs, rival).toFixed(3)} ms`
    add({
      what: 'GET of another client, nothing else going on, p50',
      respite: shown(quiet.p50, 'respite'),
      redis: shown(quiet.p50, 'redis'),
      figure: `${ratio(quiet.p50).toFixed(2)} ×`,
      target: '',
      met: undefined,
    })
    add(
      atMost(
        'GET of another client during the LPUSH load, p50',
        ratio(busy.p50),
        1,
        shown(busy.p50, 'respite'),
        shown(busy.p50, 'redis'),
      ),
    )
    add(
      atMost(
        'GET of another client during the LPUSH load, p99',
        ratio(busy.p99),
        1,
        shown(busy.p99, 'respite'),
        shown(busy.p99, 'redis'),
      ),
    )
    return {
      title: 'Durability: appendfsync always',
      commandLines: [
        ...RIVALS.map((rival) => servers.get(rival)!.commandLine),
        'redis-benchmark -c 50 -d 64 -r 100000 -P <1 or 16> -t lpush -n <requests> --csv',
      ],
      rows,
      notes: [
        `On this disk a write of 4 KiB and its fdatasync take ${fsyncMs.toFixed(3)} ms (median).`,
        'The GETs go one after the other, on a connection of a process of its own; the key is not written by the load.',
      ],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

async function getLatency(
  servers: Map<Rival, Server>,
  scale: Scale,
  work: ((rival: Rival) => Promise<unknown>) | undefined,
): Promise<{ p50: Pair[]; p99: Pair[] }> {
  const p99: Pair[] = []
  const p50 = await alternate(async (rival) => {
    const { port, asker } = servers.get(rival)!
    await asker.ask('SET', 'other', 'value')
    const child = startChild<{ latencies: number[] }>('ping', { port, words: ['GET', 'other'], everyMs: 1 })
    await child.ready
    if (work === undefined) await new Promise((resolve) => setTimeout(resolve, scale.seconds * 1000))
    else await work(rival)
    child.finish()
    const { latencies } = await child.result
    if (rival === 'respite') p99.push({ respite: percentile(latencies, 99), redis: 0 })
    else p99.at(-1)!.redis = percentile(latencies, 99)
    return percentile(latencies, 50)
  })
  return { p50, p99 }
}

function measureFsync(directory: string, times: number): number {
  const file = openSync(join(directory, 'fsync-probe'), 'w')
  const page = Buffer.alloc(4096)
  const took: number[] = []
  for (let i = 0; i < times; i++) {
    const started = performance.now()
    writeSync(file, page)
    fdatasyncSync(file)
    took.push(performance.now() - started)
  }
  closeSync(file)
  return median(took)
}

export const durability: Question = { name: 'durability', ask }
