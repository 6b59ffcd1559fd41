// What does it cost to be looked after: a user with few rights, metrics, times of commands, the
// slow log?

import { freePort } from '../src/util/free-ports.ts'
import { type CostedLoad, compareLoads, costed } from './loads.ts'
import type { Answer, Question, Row, Scale } from './question.ts'
import { COMMON, redisBenchmark } from './redis-benchmark.ts'
import { NO_PERSISTENCE, type Server, startServer } from './servers.ts'

const NAMES = ['operated', 'plain'] as const
type Name = (typeof NAMES)[number]

const DEPTH = 16
/** The loss that is allowed. */
const LEAST = 0.97
const CALIBRATION_REQUESTS = 50_000

/** No command is timed, and every user may run every command. */
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
      const run = (name: Name, count: number): Promise<CostedLoad> => {
        const { pid, port } = servers[name]
        const words = [...COMMON, '-P', String(DEPTH), '-t', test.toLowerCase(), '-n', String(count)]
        return costed(pid, count, () => redisBenchmark(port, name === 'operated' ? [...LOGIN, ...words] : words, test))
      }
      const what = `${test}, P=${DEPTH}`
      const asked = { what, names: NAMES, calibration: CALIBRATION_REQUESTS, least: LEAST, run }
      rows.push(...(await compareLoads(asked, scale)))
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
