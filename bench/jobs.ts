// How fast do BullMQ's jobs come and go, and what do they cost the server?
//
// The client is often the limit, so the server's own time is measured beside jobs a second.

import { startChild } from './child.ts'
import type { Work } from './children/jobs.ts'
import { alternate, medianOf, PAIRS, type Pair, percentile, ratio } from './pairs.ts'
import { type Answer, atLeast, atMost, perSecond, type Question, type Row, type Scale } from './question.ts'
import { processorSeconds, RIVALS, type Rival, type Server, startServer } from './servers.ts'

const WORKS: { work: Work; shown: string; jobs: number }[] = [
  { work: 'add', shown: 'added singly, 64 in flight', jobs: 20_000 },
  { work: 'addBulk', shown: 'addBulk of 1,000', jobs: 40_000 },
  { work: 'process1', shown: 'processed, concurrency 1', jobs: 5000 },
  { work: 'process100', shown: 'processed, concurrency 100', jobs: 20_000 },
  { work: 'flows', shown: 'in flows of a parent and three children', jobs: 8000 },
]
const CPU_MOST = 0.8
/**
 * Rounds of each work before those that count: in the first V8 compiles what it will run from then
 * on.
 */
const WARM_ROUNDS = 3
async function ask(scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival))
  const rows: Row[] = []
  const add = (row: Row): void => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  try {
    for (const { work, shown, jobs } of WORKS) {
      const count = scale.quick ? 100 : jobs
      const cpu: Pair[] = Array.from({ length: PAIRS }, () => ({ respite: 0, redis: 0 }))
      const rounds = { respite: 0, redis: 0 }
      const round = async (rival: Rival): Promise<{ perSecond: number; micros: number }> => {
        const { port, pid } = servers.get(rival)!
        const before = processorSeconds(pid)
        const { seconds } = await startChild<{ seconds: number }>('jobs', { place: { port }, work, jobs: count }).result
        return { perSecond: count / seconds, micros: ((processorSeconds(pid) - before) / count) * 1e6 }
      }
      const first = { respite: 0, redis: 0 }
      for (let i = 0; i < (scale.quick ? 1 : WARM_ROUNDS); i++) {
        for (const rival of RIVALS) {
          const { micros } = await round(rival)
          if (i === 0) first[rival] = micros
        }
      }
      const pairs = await alternate(async (rival) => {
        const { perSecond, micros } = await round(rival)
        cpu[rounds[rival]++]![rival] = micros
        return perSecond
      })
      const what = `jobs ${shown}`
      add(atLeast(what, ratio(pairs), 1, perSecond(medianOf(pairs, 'respite')), perSecond(medianOf(pairs, 'redis'))))
      const micros = (rival: Rival) => `${medianOf(cpu, rival).toFixed(0)} µs`
      add(atMost(`${what}: server time a job`, ratio(cpu), CPU_MOST, micros('respite'), micros('redis')))
      add({
        what: `${what}: the same in the first round`,
        respite: `${first.respite.toFixed(0)} µs`,
        redis: `${first.redis.toFixed(0)} µs`,
        figure: `${(first.respite / first.redis).toFixed(2)} ×`,
        target: '',
        met: undefined,
      })
    }
    await latency()
    return {
      title: 'BullMQ: jobs per second and what they cost',
      commandLines: RIVALS.map((rival) => servers.get(rival)!.commandLine),
      rows,
      notes: [
        `${WARM_ROUNDS} rounds of each work, on each server, come before those that count: a job costs several times as much until V8 has compiled what it takes.`,
        'The time of the server holds everything it did for the child that ran: connecting and clearing the queue too.',
      ],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }

  async function latency(): Promise<void> {
    const jobs = scale.quick ? 50 : 2500
    const middle: Pair[] = []
    const tail: Pair[] = []
    await alternate(async (rival) => {
      const { port } = servers.get(rival)!
      const { latencies } = await startChild<{ latencies: number[] }>('jobs', {
        place: { port },
        work: 'latency',
        jobs,
      }).result
      for (const [list, percent] of [
        [middle, 50],
        [tail, 99],
      ] as const) {
        if (rival === RIVALS[0]) list.push({ respite: 0, redis: 0 })
        list.at(-1)![rival] = percentile(latencies, percent)
      }
      return 1
    })
    for (const [list, name] of [
      [middle, 'p50'],
      [tail, 'p99'],
    ] as const) {
      const ms = (rival: Rival) => `${medianOf(list, rival).toFixed(2)} ms`
      add(atMost(`job latency at 500 jobs/s, ${name}`, ratio(list), 1, ms('respite'), ms('redis')))
    }
  }
}

export const jobs: Question = { name: 'jobs', ask }
