// How fast are LPUSH and SET when each is fsynced before its reply, what do they cost, and who
// waits for the disk?

import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from './child.ts'
import { alternate, median, medianOf, type Pair, percentile, ratio } from './pairs.ts'
import { type Answer, atLeast, atMost, perSecond, type Question, type Row, type Scale } from './question.ts'
import { redisBenchmark } from './redis-benchmark.ts'
import { processorSeconds, RIVALS, type Rival, type Server, startServer } from './servers.ts'

const TESTS = ['lpush', 'set']
/** Clients, and how many requests each has under way. */
const SHAPES = [
  [1, 1],
  [10, 1],
  [50, 1],
  [200, 1],
  [50, 16],
] as const
const OPTIONS = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']

async function ask(scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival, OPTIONS))
  const rows: Row[] = []
  const add = (row: Row) => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  const load = (rival: Rival, test: string, clients: number, pipeline: number, count: number) => {
    const shape = ['-c', String(clients), '-P', String(pipeline), '-n', String(count)]
    const words = ['-d', '64', '-r', '100000', '-t', test, ...shape]
    return redisBenchmark(servers.get(rival)!.port, words, test.toUpperCase())
  }
  try {
    const fsyncMs = measureFsync(servers.get('respite')!.directory, scale.quick ? 5 : 200)
    // The first load would be measured before V8 has compiled it.
    for (const test of TESTS) await load('respite', test, 50, 16, scale.quick ? 200 : 200_000)
    for (const [clients, pipeline] of SHAPES) {
      for (const test of TESTS) {
        const what = `${test.toUpperCase()}, appendfsync always, ${clients} clients, P=${pipeline}`
        const calibration = await load('redis', test, clients, pipeline, scale.quick ? 200 : 100 * clients)
        const count = Math.max(200, Math.round(calibration.perSecond * scale.seconds))
        const p99: Pair[] = []
        const micros: Pair[] = []
        const pairs = await alternate(async (rival) => {
          const { asker, pid } = servers.get(rival)!
          await asker.ask('DEL', 'mylist')
          const before = processorSeconds(pid)
          const { p99Ms, perSecond } = await load(rival, test, clients, pipeline, count)
          note(p99, rival, p99Ms)
          note(micros, rival, ((processorSeconds(pid) - before) * 1e6) / count)
          return perSecond
        })
        const shown = (of: Pair[], unit: string) =>
          [`${medianOf(of, 'respite').toFixed(2)} ${unit}`, `${medianOf(of, 'redis').toFixed(2)} ${unit}`] as const
        add(atLeast(what, ratio(pairs), 1, perSecond(medianOf(pairs, 'respite')), perSecond(medianOf(pairs, 'redis'))))
        add(atMost(`${what}, p99`, ratio(p99), 1, ...shown(p99, 'ms')))
        add(atMost(`${what}, server time a request`, ratio(micros), 1.3, ...shown(micros, 'µs')))
      }
    }
    const calibration = await load('redis', 'lpush', 50, 1, scale.quick ? 200 : 5000)
    const busyCount = Math.max(200, Math.round(calibration.perSecond * scale.seconds))
    const quiet = await getLatency(servers, scale, undefined)
    const busy = await getLatency(servers, scale, (rival) => load(rival, 'lpush', 50, 1, busyCount))
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
        'redis-benchmark -c <clients> -d 64 -r 100000 -P <1 or 16> -t <lpush or set> -n <requests> --csv',
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
    note(p99, rival, percentile(latencies, 99))
    return percentile(latencies, 50)
  })
  return { p50, p99 }
}

/** Notes what `alternate` measured besides: ours first, then theirs. */
function note(pairs: Pair[], rival: Rival, value: number): void {
  if (rival === 'respite') pairs.push({ respite: value, redis: 0 })
  else pairs.at(-1)!.redis = value
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
