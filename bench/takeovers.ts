// How long are writes refused when something dies or the lead is handed over, on a log in JetStream
// and on one in etcd?
//
//   the broker that leads is killed    from kill -9 to the next acknowledged write, at any broker
//   the log's own leader is killed     the same
//   the lead is handed over            how long those commands took that met it, of eight writers of
//                                      node-redis at its default settings; errors, and what was lost
//
// `--takeovers=100` repeats the first 100 times on each log.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { statusOf } from '../src/prover/cluster/broker.ts'
import { Cluster } from '../src/prover/cluster/cluster.ts'
import type { LogKind } from '../src/prover/cluster/log-system.ts'
import type { TrialProcess } from '../src/prover/cluster/trial-process.ts'
import { median, percentile } from './pairs.ts'
import type { Answer, Row, Scale } from './question.ts'
import { Asker } from './wire.ts'

const NAMES: Readonly<Record<LogKind, string>> = { nats: 'JetStream', etcd: 'etcd' }
const TARGETS = { medianMs: 1500, longestMs: 2500, handoverP99Ms: 250 }
/** The log's leader dies once for so many takeovers: its servers take long to be well again. */
const TAKEOVERS_PER_LOG_DEATH = 5
/** The time within which writes go on; JetStream's depends on when its servers elect. */
const LOG_DEATH_MS: Readonly<Record<LogKind, number | undefined>> = { nats: undefined, etcd: 2000 }
const HANDOVERS = 20
const WRITERS = 8
/** Commands between two handovers. */
const COMMANDS = 200
const POLL_MS = 5

/** What handovers did to the commands of some writers. */
interface Handovers {
  readonly tookMs: readonly number[]
  readonly errors: number
  /** Values that a list lacks, has twice, or has in another order. */
  readonly wrong: number
}

export async function askTakeovers(kind: LogKind, program: readonly string[], scale: Scale): Promise<Answer> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-takeovers-'))
  const settings = { 'maint-notifications': 'yes' }
  const rows: Row[] = []
  const add = (what: string, figure: string, target = '', met?: boolean): void => {
    rows.push({ what, respite: figure, redis: [], figure, target, met })
    console.log(`  ${NAMES[kind]}: ${what}: ${figure} ${target}`)
  }
  const addBounded = (what: string, value: number, most: number | undefined): void =>
    add(what, ms(value), most === undefined ? '' : `≤ ${most} ms`, most === undefined ? undefined : value <= most)
  const cluster = await Cluster.start({ dir, logKind: kind, program, machines: 'plain', settings })
  try {
    const takeovers = await repeated(scale.takeovers, () => outageMs(cluster, () => cluster.leader()))
    addBounded(
      `kill -9 of the leader to the next write, median of ${takeovers.length}`,
      median(takeovers),
      TARGETS.medianMs,
    )
    addBounded('the longest of them', Math.max(...takeovers), TARGETS.longestMs)
    const logDeaths = await repeated(Math.ceil(scale.takeovers / TAKEOVERS_PER_LOG_DEATH), () =>
      outageMs(cluster, () => cluster.logLeader()),
    )
    addBounded(
      `kill -9 of the log's leader to the next write, median of ${logDeaths.length}`,
      median(logDeaths),
      LOG_DEATH_MS[kind],
    )
    addBounded('the longest of them', Math.max(...logDeaths), LOG_DEATH_MS[kind])
    const count = scale.quick ? 1 : HANDOVERS
    const { errors, tookMs, wrong } = await handOvers(cluster, count)
    const ordered = [...tookMs].sort((a, b) => a - b)
    addBounded(
      `commands that met one of ${count} handovers, p99 of ${ordered.length}`,
      percentile(ordered, 99),
      TARGETS.handoverP99Ms,
    )
    add('errors at these handovers', `${errors}`, '0', errors === 0)
    add('commands lost or done twice', `${wrong}`, '0', wrong === 0)
    return {
      title: `Takeovers and handovers: a log in ${NAMES[kind]}`,
      rivals: [],
      commandLines: [`npm run bench -- cluster --takeovers=${scale.takeovers}`],
      rows,
      notes: [
        'Three log servers, three brokers and the clients share this machine.',
        `${WRITERS} writers of one node-redis client push while the lead is handed over; the lists are compared with what they were told.`,
      ],
    }
  } finally {
    await cluster.end()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function repeated(count: number, measure: () => Promise<number>): Promise<number[]> {
  const all: number[] = []
  while (all.length < count) all.push(await measure())
  return all
}

/** From the death of a process to the next write that any broker acknowledges. */
async function outageMs(cluster: Cluster, victim: () => Promise<TrialProcess | undefined>): Promise<number> {
  await cluster.whenWell()
  const dying = await victim()
  if (dying === undefined) throw new Error('it is not known which server leads the log')
  const living = cluster.brokers.filter((broker) => broker !== dying)
  const writers = living.map(({ port }) => new Writer(port))
  try {
    await dying.kill()
    const beganMs = performance.now()
    await Promise.any(writers.map((writer) => writer.written()))
    return performance.now() - beganMs
  } finally {
    for (const writer of writers) writer.stop()
  }
}

/** Asks one broker until a write is acknowledged. */
class Writer {
  readonly #port: number
  #asker: Asker | undefined
  #isOver = false

  constructor(port: number) {
    this.#port = port
  }

  async written(): Promise<void> {
    while (!this.#isOver) {
      try {
        if (this.#asker?.socket.destroyed !== false) this.#asker = await Asker.open(this.#port)
        await this.#asker.ask('SET', 'key', 'value')
        return
      } catch {
        // It has ended, or does not lead: it is asked again.
      }
      await pause()
    }
  }

  stop(): void {
    this.#isOver = true
    this.#asker?.close()
  }
}

async function handOvers(cluster: Cluster, count: number): Promise<Handovers> {
  await cluster.whenWell()
  const { host, port } = await cluster.leader()
  const client = createClient({ socket: { host, port } })
  client.on('error', () => {})
  await client.connect()
  const tookMs: number[] = []
  let errors = 0
  let done = 0
  let isOver = false
  let isAffected = false
  const until = async (when: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await when())) await pause()
  }
  const write = async (writer: number): Promise<number> => {
    let next = 0
    for (; !isOver; next++) {
      const beganMs = performance.now()
      const wasAffected = isAffected
      await client.rPush(`list:{${writer}}`, `${next}`).catch(() => errors++)
      if (wasAffected || isAffected) tookMs.push(performance.now() - beganMs)
      done++
    }
    return next
  }
  const writing = Array.from({ length: WRITERS }, (_, writer) => write(writer))
  try {
    for (let i = 0; i < count; i++) {
      await cluster.whenWell()
      const before = done
      await until(() => done >= before + COMMANDS)
      const leader = await cluster.leader()
      const asker = await Asker.open(leader.port)
      isAffected = true
      await asker.ask('FAILOVER').catch(() => undefined)
      asker.close()
      await until(async () => (await statusOf(leader))?.leads === false)
      await cluster.leader()
      const then = done
      await until(() => done >= then + WRITERS)
      isAffected = false
    }
  } finally {
    isOver = true
  }
  let wrong = 0
  for (const [writer, pushed] of (await Promise.all(writing)).entries()) {
    const found = await client.lRange(`list:{${writer}}`, 0, -1)
    for (let i = 0; i < Math.max(pushed, found.length); i++) if (found[i] !== `${i}`) wrong++
  }
  client.destroy()
  return { errors, tookMs, wrong }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS))

const ms = (value: number): string => `${value.toFixed(0)} ms`
