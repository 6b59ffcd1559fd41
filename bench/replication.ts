// What does a replica cost, how far behind is it, and what does a full synchronisation do to those
// who ask meanwhile?

import { startChild } from './child.ts'
import { alternate, median, medianOf, PAIRS, percentile, ratio } from './pairs.ts'
import { type Answer, atMost, bounded, type Question, type Row, type Scale } from './question.ts'
import { redisBenchmark } from './redis-benchmark.ts'
import {
  NO_PERSISTENCE,
  processorSeconds,
  RIVALS,
  type Rival,
  residentBytes,
  type Server,
  startServer,
} from './servers.ts'

const VALUE_BYTES = 64
const OPTIONS = [...NO_PERSISTENCE, '--repl-diskless-sync-delay', '0']
const POLL_MS = 5
/** The most that a PING may take longer during a full synchronisation than without one. */
const PAUSE_MS_MAX = 5
/** /proc counts the processor in hundredths of a second: a load that took less is taken for one. */
const TICK_SECONDS = 0.01
const LAG_SAMPLES = 200
/** Enough that V8 has compiled what the load takes. */
const CALIBRATION_REQUESTS = 100_000

type Pairing = `${Rival} → ${Rival}`
const PAIRINGS = RIVALS.flatMap((primary) => RIVALS.map((replica) => ({ primary, replica })))

interface FullSync {
  ms: number
  /** The longest PING at the primary meanwhile, and in as long a time before. */
  pingMs: number
  quietPingMs: number
  /** By how much the primary's resident memory grew. */
  grownBytes: number
}

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const add = (row: Row): void => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  const keys = scale.keys.toLocaleString('en')

  const syncs = new Map<Pairing, FullSync[]>()
  for (let round = 0; round < PAIRS; round++) {
    for (const { primary, replica } of PAIRINGS) {
      const name: Pairing = `${primary} → ${replica}`
      const done = [...(syncs.get(name) ?? []), await fullSync(primary, replica, scale)]
      syncs.set(name, done)
    }
  }
  const own = syncs.get('redis → redis')!
  const seconds = (values: readonly FullSync[]): string => `${(median(values.map(({ ms }) => ms)) / 1000).toFixed(2)} s`
  for (const [name, values] of syncs) {
    if (values === own) continue
    const ratios = values.map(({ ms }, round) => ms / own[round]!.ms)
    add(atMost(`full synchronisation of ${keys} keys, ${name}`, median(ratios), 1.2, seconds(values), seconds(own)))
  }
  const ours = syncs.get('respite → redis')!
  const beyond = (values: readonly FullSync[]): number =>
    Math.max(0, median(values.map(({ pingMs, quietPingMs }) => pingMs - quietPingMs)))
  add(
    bounded('longest PING during it, beyond without', beyond(ours), PAUSE_MS_MAX, 'ms', `${beyond(own).toFixed(1)} ms`),
  )
  const grown = (values: readonly FullSync[]): string =>
    `${(median(values.map(({ grownBytes }) => grownBytes)) / 1024 ** 2).toFixed(0)} MB`
  add({
    what: 'memory that the primary takes for it',
    respite: grown(ours),
    redis: `${grown(own)} and a fork`,
    figure: '',
    target: '',
    met: undefined,
  })

  for (const command of ['SET', 'LPUSH']) {
    const costs = await alternate((rival) => costOfReplica(rival, command, scale))
    const shown = (rival: Rival): string => `${medianOf(costs, rival).toFixed(2)} ×`
    add(
      atMost(
        `processor time of ${command}, P=16, with a replica, of that without, ours to theirs`,
        ratio(costs),
        1,
        shown('respite'),
        shown('redis'),
      ),
    )
  }
  const lags = await alternate((rival) => lagUnderLoad(rival, scale))
  const shownLag = (rival: Rival): string => `${medianOf(lags, rival).toFixed(1)} ms`
  add(
    atMost(
      'p99 of how late a replica has a write, under that load',
      ratio(lags),
      1,
      shownLag('respite'),
      shownLag('redis'),
    ),
  )

  return {
    title: `Replication: ${keys} keys, one replica`,
    commandLines: [`respite or redis-server ${OPTIONS.map((word) => word || "''").join(' ')}`],
    rows,
    notes: [
      `Full synchronisations are told as primary → replica; each is compared with redis → redis of the same round. The replica of the other figures is a redis-server.`,
      'Processor time is that of the primary alone, as the system counts it; the child that Redis forks for a snapshot is not in it.',
    ],
  }
}

/** Has `replica` follow `primary`, which holds the keys, and waits until it has them. */
async function fullSync(primaryRival: Rival, replicaRival: Rival, scale: Scale): Promise<FullSync> {
  const primary = await startServer(primaryRival, OPTIONS)
  const replica = await startServer(replicaRival, OPTIONS)
  try {
    await startChild('load', { port: primary.port, kind: 'keys', count: scale.keys, valueBytes: VALUE_BYTES }).result
    const quiet = startPings(primary)
    await quiet.ready
    await pause(scale.seconds * 1000)
    const quietPingMs = await longest(quiet)
    const before = residentBytes(primary.pid)
    const pings = startPings(primary)
    await pings.ready
    const began = performance.now()
    let grownBytes = 0
    await follow(replica, primary, () => {
      grownBytes = Math.max(grownBytes, residentBytes(primary.pid) - before)
    })
    const ms = performance.now() - began
    return { ms, pingMs: await longest(pings), quietPingMs, grownBytes }
  } finally {
    await primary.stop()
    await replica.stop()
  }
}

function startPings({ port }: Server) {
  return startChild<{ latencies: number[] }>('ping', { port, words: ['PING'], everyMs: 1 })
}

async function longest(pings: ReturnType<typeof startPings>): Promise<number> {
  pings.finish()
  return (await pings.result).latencies.at(-1)!
}

async function follow({ asker }: Server, { port }: Server, meanwhile: () => void = () => {}): Promise<void> {
  await asker.ask('REPLICAOF', '127.0.0.1', String(port))
  while (!String(await asker.ask('INFO', 'replication')).includes('master_link_status:up')) {
    meanwhile()
    await pause(POLL_MS)
  }
}

/** Processor time of a load with a replica, of that of the same load without. */
async function costOfReplica(rival: Rival, command: string, scale: Scale): Promise<number> {
  const primary = await startServer(rival, OPTIONS)
  const replica = await startServer('redis', OPTIONS)
  try {
    const count = await calibrate(primary, command, scale)
    const without = await load(primary, command, count)
    await follow(replica, primary)
    const beside = await load(primary, command, count)
    return beside / without
  } finally {
    await primary.stop()
    await replica.stop()
  }
}

const LOAD = ['-c', '50', '-d', String(VALUE_BYTES), '-r', '100000', '-P', '16']

/**
 * Writes at P=16 for a moment, which also warms the server up; returns how many requests take as
 * long as a measurement.
 */
async function calibrate({ port }: Server, command: string, { seconds, quick }: Scale): Promise<number> {
  const count = quick ? 2000 : CALIBRATION_REQUESTS
  const { perSecond } = await redisBenchmark(port, [...LOAD, '-t', command.toLowerCase(), '-n', String(count)], command)
  return Math.max(count, Math.round(perSecond * seconds))
}

/** Writes at P=16; returns seconds of the server's processor time. */
async function load({ pid, port }: Server, command: string, count: number): Promise<number> {
  const before = processorSeconds(pid)
  await redisBenchmark(port, [...LOAD, '-t', command.toLowerCase(), '-n', String(count)], command)
  return Math.max(TICK_SECONDS, processorSeconds(pid) - before)
}

/** How late a replica has what was acknowledged, while others write (p99, ms). */
async function lagUnderLoad(rival: Rival, scale: Scale): Promise<number> {
  const primary = await startServer(rival, OPTIONS)
  const replica = await startServer('redis', OPTIONS)
  try {
    await follow(replica, primary)
    const count = await calibrate(primary, 'SET', scale)
    let over = false
    const writing = load(primary, 'SET', count).finally(() => {
      over = true
    })
    const lags: number[] = []
    for (let sample = 0; sample < LAG_SAMPLES && !over; sample++) {
      await primary.asker.ask('SET', 'marker', String(sample))
      const acknowledged = performance.now()
      while ((await replica.asker.ask('GET', 'marker')) !== String(sample));
      lags.push(performance.now() - acknowledged)
    }
    await writing
    return percentile(
      lags.sort((a, b) => a - b),
      99,
    )
  } finally {
    await primary.stop()
    await replica.stop()
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export const replication: Question = { name: 'replication', ask }
