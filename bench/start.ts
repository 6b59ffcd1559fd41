// How long from nothing to the first reply: as a program, and inside a program.

import { join } from 'node:path'
import { startChild } from './child.ts'
import { median } from './pairs.ts'
import { type Answer, bounded, type Question, type Scale } from './question.ts'
import { RIVALS, type Rival, ROOT, startServer } from './servers.ts'

const COLD_START_MS_MAX = 250
const OPEN_BROKER_MS_MAX = 30

async function ask(scale: Scale): Promise<Answer> {
  const times = scale.quick ? 1 : 7
  const started: Record<Rival, number[]> = { respite: [], redis: [] }
  for (let i = 0; i < times; i++) {
    for (const rival of RIVALS) {
      const server = await startServer(rival, ['--appendonly', 'yes'])
      started[rival].push(server.startedInMs)
      await server.stop()
    }
  }
  const opened: number[] = []
  for (let i = 0; i < times; i++) {
    const module = join(ROOT, 'dist/index.mjs')
    opened.push((await startChild<{ milliseconds: number }>('open-broker', { module }).result).milliseconds)
  }
  const rows = [
    bounded(
      'process started to first PONG',
      median(started.respite),
      COLD_START_MS_MAX,
      'ms',
      `${median(started.redis).toFixed(1)} ms`,
    ),
    bounded('openBroker() to first reply, module loaded', median(opened), OPEN_BROKER_MS_MAX, 'ms', ''),
  ]
  for (const row of rows) console.log(`  ${row.what}: ${row.figure}`)
  return {
    title: 'Start',
    commandLines: ['node dist/cli/respite.js --appendonly yes', 'redis-server --appendonly yes'],
    rows,
    notes: [`Median of ${times} starts with an empty directory.`],
  }
}

export const start: Question = { name: 'start', ask }
