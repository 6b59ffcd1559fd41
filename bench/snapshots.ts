// What does a snapshot cost, and how long does a start take that reads everything back?

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from './child.ts'
import { alternate, median, medianOf, type Pair, ratio } from './pairs.ts'
import { type Answer, atLeast, atMost, bounded, type Question, type Row, type Scale } from './question.ts'
import { redisBenchmark } from './redis-benchmark.ts'
import { RIVALS, type Rival, type Server, startServer } from './servers.ts'
import { type Folder, temporaryFolder } from './taken-along.ts'

const VALUE_BYTES = 64
const RDB_OPTIONS = ['--save', '', '--appendonly', 'no']
const AOF_OPTIONS = ['--save', '', '--appendonly', 'yes', '--auto-aof-rewrite-percentage', '0']
const POLL_MS = 2
/** The longest that a client may wait for a snapshot. */
const PAUSE_MS_MAX = 5

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const add = (row: Row): void => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  const keys = scale.keys.toLocaleString('en')
  const folders = new Map<Rival, Folder>()
  const load = (port: number) =>
    startChild('load', { port, kind: 'keys', count: scale.keys, valueBytes: VALUE_BYTES }).result
  try {
    for (const rival of RIVALS) folders.set(rival, temporaryFolder(`snapshot-${rival}`))

    const servers = new Map<Rival, Server>()
    for (const rival of RIVALS) {
      const server = await startServer(rival, RDB_OPTIONS, folders.get(rival)!.path)
      servers.set(rival, server)
      await load(server.port)
    }
    const commandLines = RIVALS.map((rival) => servers.get(rival)!.commandLine)
    const saving = await alternate((rival) => bgsave(servers.get(rival)!))
    const seconds = (pairs: Pair[], rival: Rival) => `${(medianOf(pairs, rival) / 1000).toFixed(2)} s`
    add(atMost(`BGSAVE of ${keys} keys`, ratio(saving), 2, seconds(saving, 'respite'), seconds(saving, 'redis')))

    const slowed: Record<Rival, number[]> = { respite: [], redis: [] }
    await alternate(async (rival) => {
      const own = await sets(servers.get(rival)!, scale)
      const meanwhile = await setsDuringBgsave(servers.get(rival)!, scale)
      slowed[rival].push(meanwhile / own)
      return own
    })
    const share = (rival: Rival) => `${(100 * median(slowed[rival])).toFixed(0)} %`
    add(
      atLeast(
        'SET, P=16, during BGSAVE, of its own speed without',
        median(slowed.respite),
        0.8,
        share('respite'),
        share('redis'),
      ),
    )
    await pauses('BGSAVE', servers)
    for (const server of servers.values()) {
      await bgsave(server)
      await server.stop()
    }
    await starts(`start with a dump.rdb of ${keys} keys`, RDB_OPTIONS)

    for (const [rival, { path }] of folders) {
      rmSync(join(path, 'dump.rdb'), { force: true })
      const server = await startServer(rival, AOF_OPTIONS, path)
      await load(server.port)
      await server.stop()
    }
    await starts(`start with an append-only file of ${keys} SETs`, AOF_OPTIONS)

    for (const rival of RIVALS) servers.set(rival, await startServer(rival, AOF_OPTIONS, folders.get(rival)!.path))
    await pauses('BGREWRITEAOF', servers)
    for (const server of servers.values()) await server.stop()
    return {
      title: `Snapshots and starts: ${keys} keys`,
      commandLines,
      rows,
      notes: ['Keys of 16 bytes, values of 64. During BGSAVE the next one is begun as soon as one is done.'],
    }
  } finally {
    for (const folder of folders.values()) folder.remove()
  }

  /**
   * How long a client waits at most while snapshots are made and another one writes as fast as it
   * can.
   */
  async function pauses(command: SavingCommand, servers: Map<Rival, Server>): Promise<void> {
    const slices: number[] = []
    const without: Record<Rival, number[]> = { respite: [], redis: [] }
    const pairs = await alternate(async (rival) => {
      const server = servers.get(rival)!
      without[rival].push(await longestWait(server, scale))
      const longest = await longestWait(server, scale, command)
      if (rival === 'respite') slices.push(await longestSlice(server))
      return longest
    })
    const waited = (rival: Rival, values = without[rival]) => `${median(values).toFixed(1)} ms`
    const what = `longest wait for a PING while another client writes at P=16`
    add({ what, respite: waited('respite'), redis: waited('redis'), figure: '', target: '', met: undefined })
    const redis = `${medianOf(pairs, 'redis').toFixed(1)} ms`
    add(bounded(`${what}, during ${command}`, medianOf(pairs, 'respite'), PAUSE_MS_MAX, 'ms', redis))
    add(bounded(`longest slice of a ${command} meanwhile`, median(slices), PAUSE_MS_MAX, 'ms', 'a fork'))
  }

  async function starts(what: string, options: string[]): Promise<void> {
    const pairs = await alternate(async (rival) => {
      const server = await startServer(rival, options, folders.get(rival)!.path)
      const found = await server.asker.ask('DBSIZE')
      await server.stop()
      if (Number(found) < scale.keys) throw new Error(`${rival} found ${found} keys`)
      return server.startedInMs
    })
    const ms = (rival: Rival) => `${medianOf(pairs, rival).toFixed(0)} ms`
    add(atMost(what, ratio(pairs), 1.2, ms('respite'), ms('redis')))
  }
}

type SavingCommand = 'BGSAVE' | 'BGREWRITEAOF'

/** Takes a snapshot; returns milliseconds until it is on the disk. */
async function bgsave({ asker }: Server, command: SavingCommand = 'BGSAVE'): Promise<number> {
  const started = performance.now()
  await asker.ask(command)
  while (/(bgsave|rewrite)_in_progress:1/.test(String(await asker.ask('INFO', 'persistence')))) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return performance.now() - started
}

async function sets({ port }: Server, scale: Scale): Promise<number> {
  const words = ['-c', '50', '-d', String(VALUE_BYTES), '-r', '100000', '-P', '16', '-t', 'set']
  return (await redisBenchmark(port, [...words, '-n', scale.quick ? '2000' : '1000000'], 'SET')).perSecond
}

async function setsDuringBgsave(server: Server, scale: Scale): Promise<number> {
  let over = false
  const rate = sets(server, scale).finally(() => {
    over = true
  })
  while (!over) await bgsave(server)
  return rate
}

/**
 * Writes over all keys at P=16 by one client, and returns the longest that another waited for a
 * PING (ms).
 */
async function longestWait(server: Server, scale: Scale, command?: SavingCommand): Promise<number> {
  const ping = startChild<{ latencies: number[] }>('ping', { port: server.port, words: ['PING'], everyMs: 1 })
  await ping.ready
  let over = false
  const words = ['-c', '1', '-d', String(VALUE_BYTES), '-r', String(scale.keys), '-P', '16', '-t', 'set']
  const count = scale.quick ? '2000' : '500000'
  const writing = redisBenchmark(server.port, [...words, '-n', count], 'SET').finally(() => {
    over = true
  })
  while (command !== undefined && !over) await bgsave(server, command)
  await writing
  ping.finish()
  return (await ping.result).latencies.at(-1)!
}

async function longestSlice({ asker }: Server): Promise<number> {
  const info = String(await asker.ask('INFO', 'persistence'))
  return Number(/respite_snapshot_longest_slice_usec:(\d+)/.exec(info)![1]) / 1000
}

export const snapshots: Question = { name: 'snapshots', ask }
