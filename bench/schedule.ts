// How late is what falls due: keys whose time is up, and messages that are scheduled?

import { startChild } from './child.ts'
import type { DueInput, DueReport } from './children/due.ts'
import { median, PAIRS, percentile } from './pairs.ts'
import { type Answer, bounded, type Question, type Row, type Scale } from './question.ts'
import { NO_PERSISTENCE, RIVALS, type Rival, startServer } from './servers.ts'

/** The promise of docs/channels.md. */
const DELAY_MS_MAX = 10
const DUE_A_SECOND = { keys: 100_000, messages: 20_000 }
const PERCENTILES = [50, 99, 100]

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const lines = new Set<string>()
  for (const what of ['keys', 'messages'] as const) {
    const count = scale.quick ? scale.keys : DUE_A_SECOND[what]
    const runs: Record<Rival, number[][]> = { respite: [], redis: [] }
    for (let i = 0; i < PAIRS; i++) {
      for (const rival of RIVALS) {
        const server = await startServer(rival, [...NO_PERSISTENCE, '--notify-keyspace-events', 'Ex'])
        lines.add(server.commandLine)
        try {
          // redis-server schedules no messages; what is used instead is a key whose time is up.
          const due: DueInput = { port: server.port, what: rival === 'redis' ? 'keys' : what, count }
          const once = () => startChild<DueReport>('due', due).result
          // The first work of a server includes compiling.
          await once()
          runs[rival].push((await once()).delays)
        } finally {
          await server.stop()
        }
      }
    }
    for (const percent of PERCENTILES) {
      const of = (rival: Rival) => median(runs[rival].map((delays) => percentile(delays, percent)))
      const thing =
        what === 'keys' ? '`expired` is heard after a key’s time' : 'a scheduled message is heard after its time'
      const which = percent === 100 ? 'the latest' : `p${percent}`
      const row = bounded(`${thing}, ${which}`, of('respite'), DELAY_MS_MAX, 'ms', `${of('redis').toFixed(1)} ms`)
      rows.push(row)
      console.log(`  ${row.what}: ${row.respite} : ${row.redis}`)
    }
  }
  return {
    title: 'What falls due: 100,000 keys, and 20,000 messages, within a second',
    commandLines: [...lines],
    rows,
    notes: [
      'One client sets keys with PXAT, or publishes with AT, so that they fall due evenly spread over one second. Another client hears of each (bench/children/due.ts), and compares its clock with the time in the name. The second run is measured. Both clients are in one process beside the server.',
      'redis-server schedules no messages: beside them stand as many keys of its own whose time is up.',
    ],
  }
}

export const schedule: Question = { name: 'schedule', ask }
