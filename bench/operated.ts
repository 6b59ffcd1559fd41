// What does it cost to be looked after: a user with few rights, metrics, times of commands, the slow log?

import { COMMON, type Load, redisBenchmark } from './commands.ts'
import { rounds } from './pairs.ts'
import {
  type Answer,
  besideBest,
  type Found,
  judged,
  perSecond,
  type Question,
  type Row,
  type Scale,
  tell,
} from './question.ts'
import { freePort, NO_PERSISTENCE, processorSeconds, type Server, startServer } from './servers.ts'

const NAMES = ['operated', 'plain'] as const
type Name = (typeof NAMES)[number]

const DEPTH = 16
/** What may be lost by it. */
const LEAST = 0.97
const CALIBRATION_REQUESTS = 50_000

/** Nobody is timed, and everybody may do everything. */
const PLAIN = [...NO_PERSISTENCE, '--slowlog-log-slower-than', '-1', '--latency-tracking', 'no']
const USER = ['--user', 'bench', 'on', '>secret', '~key:*', '+get', '+set', '+ping', '+config|get']
const LOGIN = ['--user', 'bench', '-a', 'secret']

async function ask(scale: Scale): Promise<Answer> {
  const operated = [
    ...NO_PERSISTENCE,
    ...USER,
    '--slowlog-log-slower-than',
    '10000',
    '--metrics-port',
    String(await freePort()),
  ]
  const servers: Record<Name, Server> = {
    operated: await startServer('respite', operated),
    plain: await startServer('respite', PLAIN),
  }
  const rows: Row[] = []
  try {
    for (const test of ['SET', 'GET']) {
      const run = async (name: Name, count: number): Promise<Load & { microseconds: number }> => {
        const { pid, port } = servers[name]
        const before = processorSeconds(pid)
        const words = [...COMMON, '-P', String(DEPTH), '-t', test.toLowerCase(), '-n', String(count)]
        const load = await redisBenchmark(port, name === 'operated' ? [...LOGIN, ...words] : words, test)
        return { ...load, microseconds: ((processorSeconds(pid) - before) * 1e6) / count }
      }
      const calibration = scale.quick ? 1000 : CALIBRATION_REQUESTS
      for (const name of NAMES) await run(name, calibration)
      const count = Math.max(1000, Math.round((await run('plain', calibration)).perSecond * scale.seconds))
      const loads = await rounds(NAMES, (name) => run(name, count))
      const found = (of: 'perSecond' | 'microseconds'): Found<Name> =>
        new Map(NAMES.map((name) => [name, loads.get(name)!.map((load) => load[of])]))
      const speed = found('perSecond')
      rows.push(judged(besideBest(`${test}, P=${DEPTH}`, speed, 'more', perSecond), speed, 'plain', LEAST))
      const show = (value: number): string => `${value.toFixed(2)} µs`
      rows.push(besideBest(`${test}, P=${DEPTH}: server time a request`, found('microseconds'), 'less', show))
      rows.slice(-2).forEach(tell)
    }
    return {
      title: 'What it costs to be looked after',
      rivals: ['plain'],
      commandLines: NAMES.map((name) => servers[name].commandLine),
      rows,
      notes: [
        'Both are Respite: with a user who may do little, metrics, times of commands and the slow log; and with none of them.',
        `redis-benchmark with 50 clients, ${DEPTH} requests in flight each, values of 64 bytes.`,
      ],
    }
  } finally {
    for (const server of Object.values(servers)) await server.stop()
  }
}

export const operated: Question = { name: 'operated', ask }
