// How long from nothing to the first reply, as a program and inside a program, and how much memory
// does a server take that has nothing to do?

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild } from './child.ts'
import { median } from './pairs.ts'
import { type Answer, bounded, type Question, type Scale } from './question.ts'
import { RIVALS, type Rival, ROOT, residentBytes, startServer } from './servers.ts'

const FIRST_START_MS_MAX = 250
const LATER_START_MS_MAX = 90
const IDLE_MB_MAX = 45
const OPEN_BROKER_MS_MAX = 30
/** By then a server has kept what V8 compiled, and come to rest. */
const SETTLE_MS = 5000

const OPTIONS = ['--appendonly', 'yes']

async function ask(scale: Scale): Promise<Answer> {
  const times = scale.quick ? 1 : 15
  const caches = mkdtempSync(join(tmpdir(), 'bench-caches-'))
  // Nothing is kept yet, and by servers that are stopped at once nothing is.
  process.env.RESPITE_CODE_CACHE = caches
  const measured = async (): Promise<Record<Rival, number>> => {
    const started: Record<Rival, number[]> = { respite: [], redis: [] }
    for (let i = 0; i < times; i++) {
      for (const rival of RIVALS) {
        const server = await startServer(rival, OPTIONS)
        started[rival].push(server.startedInMs)
        await server.stop()
      }
    }
    return { respite: median(started.respite), redis: median(started.redis) }
  }
  const idleMegabytes = async (rival: Rival): Promise<number> => {
    const server = await startServer(rival, OPTIONS)
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    const bytes = residentBytes(server.pid)
    await server.stop()
    return bytes / 2 ** 20
  }
  const first = await measured()
  await idleMegabytes('respite')
  const later = await measured()
  const idle = { respite: await idleMegabytes('respite'), redis: await idleMegabytes('redis') }
  const opened: number[] = []
  for (let i = 0; i < times; i++) {
    const module = join(ROOT, 'dist/index.mjs')
    opened.push((await startChild<{ milliseconds: number }>('open-broker', { module }).result).milliseconds)
  }
  rmSync(caches, { recursive: true })
  const theirs = (milliseconds: number): string => `${milliseconds.toFixed(1)} ms`
  const rows = [
    bounded(
      'process started to first PONG, nothing kept',
      first.respite,
      FIRST_START_MS_MAX,
      'ms',
      theirs(first.redis),
    ),
    bounded(
      'process started to first PONG, later starts',
      later.respite,
      LATER_START_MS_MAX,
      'ms',
      theirs(later.redis),
    ),
    bounded('resident memory at rest', idle.respite, IDLE_MB_MAX, 'MB', `${idle.redis.toFixed(1)} MB`),
    bounded('openBroker() to first reply, module loaded', median(opened), OPEN_BROKER_MS_MAX, 'ms', ''),
  ]
  for (const row of rows) console.log(`  ${row.what}: ${row.figure}`)
  return {
    title: 'Start',
    commandLines: [
      'node --max-semi-space-size=4 dist/cli/respite.js --appendonly yes',
      'redis-server --appendonly yes',
    ],
    rows,
    notes: [
      `Medians of ${times} starts with an empty directory. Later starts find what V8 compiled at an earlier one (docs/decisions/0043-code-kept-between-starts.md).`,
      'Resident memory is VmRSS of /proc five seconds after a later start, program text of Node included, which other Node processes share.',
    ],
  }
}

export const start: Question = { name: 'start', ask }
