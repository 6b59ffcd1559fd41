// What does it cost to have the journal on three log servers, and how long is no client served when
// a broker goes (takeovers.ts)?
//
// Three nats-servers and three brokers on this machine, beside one broker with `appendfsync
// always`, and beside redis-server with the same and a replica for which each write waits (WAIT 1).
// A redis-server so set up still loses writes when its replica takes its place; the log does not.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { statusOf } from '../src/prover/cluster/broker.ts'
import { Cluster } from '../src/prover/cluster/cluster.ts'
import type { TrialProcess } from '../src/prover/cluster/trial-process.ts'
import { startChild } from './child.ts'
import { median, percentile } from './pairs.ts'
import { type Answer, perSecond, type Question, type Row, type Scale } from './question.ts'
import { redisBenchmark } from './redis-benchmark.ts'
import { ROOT, type Server, startServer } from './servers.ts'
import { askTakeovers } from './takeovers.ts'
import { Asker } from './wire.ts'

const ALWAYS = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
const PROGRAM = [process.execPath, '--max-semi-space-size=4', join(ROOT, 'dist/cli/respite.js')]
/** The brokers of a cluster under test publish and keep an event for each push; the others do not. */
const LIKE_THE_OTHERS = { channel: '', 'notify-keyspace-events': '' }
const VALUE = 'x'.repeat(64)
const CLIENTS = 50
const TRIES = 3
const TARGETS = {
  writeMs: 4,
  pushesPerSecond: 15_000,
  pipelinedPushesPerSecond: 100_000,
  reads: 0.97,
  handoverMs: 300,
  lagMs: 20,
  newNodeMs: 4000,
}

/** Where it is written, and what each write is followed by. */
interface Side {
  readonly port: number
  readonly waits: boolean
}

async function ask(scale: Scale): Promise<readonly Answer[]> {
  return [await askCosts(scale), await askTakeovers('nats', PROGRAM, scale), await askTakeovers('etcd', PROGRAM, scale)]
}

async function askCosts(scale: Scale): Promise<Answer> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-cluster-'))
  const cluster = await Cluster.start({
    dir,
    logKind: 'nats',
    program: PROGRAM,
    machines: 'plain',
    settings: LIKE_THE_OTHERS,
  })
  const single = await startServer('respite', ALWAYS)
  const redis = await startServer('redis', ALWAYS)
  const replica = await startServer('redis', ALWAYS)
  const rows: Row[] = []
  const add = (what: string, respite: string, rival: string, target = '', met?: boolean): void => {
    rows.push({ what, respite, redis: rival, figure: respite, target, met })
    console.log(`  ${what}: ${respite} : ${rival} ${target}`)
  }
  try {
    await follow(replica, redis)
    await cluster.whenWell()
    const alone: Side = { port: single.port, waits: false }
    const waiting: Side = { port: redis.port, waits: true }
    const leading = async (): Promise<Side> => ({ port: (await cluster.leader()).port, waits: false })

    const writes = await inTurns([await leading(), alone, waiting], (side) => writeMs(side, scale))
    add(
      'SET, one client, p50',
      ms(writes[0]!),
      ms(writes[2]!),
      `≤ ${TARGETS.writeMs} ms`,
      writes[0]! <= TARGETS.writeMs,
    )
    add('the same on a single node', ms(writes[1]!), ms(writes[2]!))

    const pushes = await inTurns([await leading(), alone, waiting], (side) => lanes(side, scale))
    const [few, fewAlone, fewWaiting] = pushes as [number, number, number]
    const { pushesPerSecond } = TARGETS
    add(
      'LPUSH, 50 clients',
      perSecond(few),
      perSecond(fewWaiting),
      `≥ ${perSecond(pushesPerSecond)}`,
      few >= pushesPerSecond,
    )
    add('the same on a single node', perSecond(fewAlone), perSecond(fewWaiting))

    const piped = await inTurns([await leading(), alone], ({ port }) => pipelined(port, 'lpush', scale))
    const many = TARGETS.pipelinedPushesPerSecond
    add('LPUSH, 50 clients, P=16', perSecond(piped[0]!), 'not asked', `≥ ${perSecond(many)}`, piped[0]! >= many)
    add('the same on a single node', perSecond(piped[1]!), 'not asked')

    const reads = await inTurns([await leading(), alone], ({ port }) => pipelined(port, 'get', scale))
    const share = reads[0]! / reads[1]!
    add(
      'GET, 50 clients, P=16, beside a single node',
      `${share.toFixed(2)} ×`,
      'not asked',
      `≥ ${TARGETS.reads} ×`,
      share >= TARGETS.reads,
    )

    for (const work of ['add', 'process100'] as const) {
      const jobs = await inTurns([await leading(), alone, { port: redis.port, waits: false }], (side) =>
        jobsPerSecond(side, work, scale),
      )
      const what = work === 'add' ? 'BullMQ jobs added, 64 in flight' : 'BullMQ jobs processed, concurrency 100'
      add(what, perSecond(jobs[0]!), `${perSecond(jobs[2]!)} without WAIT`)
      add('the same on a single node', perSecond(jobs[1]!), `${perSecond(jobs[2]!)} without WAIT`)
    }

    const lag = await lagMs(cluster, scale)
    add('a follower has what was acknowledged after, p99', ms(lag), '', `≤ ${TARGETS.lagMs} ms`, lag <= TARGETS.lagMs)
    const handover = await worstPause(cluster, scale, handOver)
    add(
      'longest pause of writes, planned handover',
      ms(handover),
      '',
      `≤ ${TARGETS.handoverMs} ms`,
      handover <= TARGETS.handoverMs,
    )
    const begun = await newNodeMs(cluster, scale)
    const what = `a broker with an empty disk has ${scale.keys.toLocaleString('en')} keys after`
    add(what, ms(begun), '', `≤ ${TARGETS.newNodeMs} ms`, begun <= TARGETS.newNodeMs)
    return {
      title: 'A cluster: three brokers on a log of three servers',
      commandLines: [
        'respite --log nats://… --appendfsync always --shard-name prove (three brokers; three nats-servers with sync_interval: always)',
        single.commandLine,
        `${redis.commandLine}, a replica of the same kind, WAIT 1 behind each write`,
      ],
      rows,
      notes: [
        'All of them, and the clients, share this machine: eight servers and their disk. Ratios count.',
        `Medians of ${TRIES} rounds, in turns. Pauses are what one client saw that writes one value after the other and asks, when its connection ends, who leads.`,
      ],
    }
  } finally {
    await cluster.end()
    for (const server of [single, redis, replica]) await server.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function inTurns(sides: readonly Side[], measure: (side: Side) => Promise<number>): Promise<number[]> {
  const all = sides.map((): number[] => [])
  for (let round = 0; round < TRIES; round++) for (const [i, side] of sides.entries()) all[i]!.push(await measure(side))
  return all.map(median)
}

async function write(asker: Asker, { waits }: Side, ...words: string[]): Promise<void> {
  const done = asker.ask(...words)
  if (waits) await asker.ask('WAIT', '1', '0')
  await done
}

/** One write after the other: the median. */
async function writeMs(side: Side, scale: Scale): Promise<number> {
  const asker = await Asker.open(side.port)
  const times: number[] = []
  for (const endMs = performance.now() + scale.seconds * 1000; performance.now() < endMs; ) {
    const beganMs = performance.now()
    await write(asker, side, 'SET', 'key', VALUE)
    times.push(performance.now() - beganMs)
  }
  asker.close()
  return median(times)
}

/** Clients that each write one value after the other: writes a second. */
async function lanes(side: Side, scale: Scale): Promise<number> {
  const beganMs = performance.now()
  let count = 0
  const lane = async (): Promise<void> => {
    const asker = await Asker.open(side.port)
    while (performance.now() < beganMs + scale.seconds * 1000) {
      await write(asker, side, 'LPUSH', 'list', VALUE)
      count++
    }
    asker.close()
  }
  await Promise.all(Array.from({ length: CLIENTS }, lane))
  const rate = count / ((performance.now() - beganMs) / 1000)
  const asker = await Asker.open(side.port)
  await asker.ask('DEL', 'list')
  asker.close()
  return rate
}

async function pipelined(port: number, test: 'lpush' | 'get', scale: Scale): Promise<number> {
  const words = ['-c', `${CLIENTS}`, '-d', '64', '-r', '100000', '-P', '16', '-t', test]
  const count = scale.quick ? '2000' : '200000'
  const load = await redisBenchmark(port, [...words, '-n', count], test.toUpperCase())
  const asker = await Asker.open(port)
  await asker.ask('DEL', 'mylist')
  asker.close()
  return load.perSecond
}

async function jobsPerSecond({ port }: Side, work: 'add' | 'process100', scale: Scale): Promise<number> {
  const jobs = scale.quick ? 100 : 5000
  const { seconds } = await startChild<{ seconds: number }>('jobs', { place: { port }, work, jobs }).result
  return jobs / seconds
}

async function lagMs(cluster: Cluster, scale: Scale): Promise<number> {
  const leader = await cluster.leader()
  const follower = cluster.brokers.find((broker) => broker !== leader)!
  const [there, here] = [await Asker.open(leader.port), await Asker.open(follower.port)]
  const lags: number[] = []
  for (let i = 0; i < (scale.quick ? 5 : 300); i++) {
    await there.ask('SET', 'marker', `${i}`)
    const beganMs = performance.now()
    while ((await here.ask('GET', 'marker')) !== `${i}`);
    lags.push(performance.now() - beganMs)
  }
  for (const asker of [there, here]) asker.close()
  return percentile(
    lags.sort((a, b) => a - b),
    99,
  )
}

/**
 * The longest time between two acknowledged writes while something happens to the leader; the
 * median of some tries.
 */
async function worstPause(
  cluster: Cluster,
  scale: Scale,
  happens: (leader: TrialProcess) => Promise<void>,
): Promise<number> {
  const pauses: number[] = []
  for (let i = 0; i < (scale.quick ? 1 : TRIES); i++) {
    await cluster.whenWell()
    const leader = await cluster.leader()
    let lastMs = performance.now()
    let longestMs = 0
    let isOver = false
    const writing = (async () => {
      let asker: Asker | undefined
      while (!isOver) {
        try {
          asker ??= await Asker.open((await cluster.leader()).port)
          await asker.ask('SET', 'key', VALUE)
          longestMs = Math.max(longestMs, performance.now() - lastMs)
          lastMs = performance.now()
        } catch {
          // It has ended, or leads no more: the next one is looked for.
          asker?.close()
          asker = undefined
        }
      }
      asker?.close()
    })()
    await happens(leader)
    const sinceMs = performance.now()
    while (lastMs < sinceMs) await new Promise((resolve) => setTimeout(resolve, 5))
    isOver = true
    await writing
    pauses.push(longestMs)
  }
  return median(pauses)
}

async function handOver(leader: TrialProcess): Promise<void> {
  const asker = await Asker.open(leader.port)
  await asker.ask('FAILOVER')
  while ((await statusOf(leader))?.leads !== false);
  asker.close()
}

/** From starting a broker with nothing until it has what the leader had. */
async function newNodeMs(cluster: Cluster, scale: Scale): Promise<number> {
  await cluster.whenWell()
  const leader = await cluster.leader()
  const load = { port: leader.port, kind: 'keys', count: scale.keys, valueBytes: VALUE.length }
  await startChild('load', load).result
  const position = (await statusOf(leader))?.position ?? 0
  const node = cluster.brokers.find((broker) => broker !== leader)!
  await cluster.emptyDisk(node)
  const beganMs = performance.now()
  node.start()
  while (((await statusOf(node))?.position ?? -1) < position) await new Promise((resolve) => setTimeout(resolve, 5))
  return performance.now() - beganMs
}

async function follow(replica: Server, primary: Server): Promise<void> {
  await replica.asker.ask('REPLICAOF', '127.0.0.1', `${primary.port}`)
  while (!/master_link_status:up/.test(String(await replica.asker.ask('INFO', 'replication'))))
    await replica.asker.ask('PING')
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`

export const cluster: Question = { name: 'cluster', ask }
