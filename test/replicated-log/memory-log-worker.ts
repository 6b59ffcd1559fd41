// The program of a log thread in its tests: a log in memory, which ends the thread on request.

import { parentPort } from 'node:worker_threads'
import { InMemoryLog } from '../../src/replicated-log/in-memory-log.ts'
import { serveLog } from '../../src/replicated-log/worker/serve-log.ts'
import { systemClock } from '../../src/util/time/clock.ts'

const log = new InMemoryLog({ clock: systemClock, answerTimeoutMs: 60_000 }).connect()
const append = log.append.bind(log)
log.append = (batch, expected) => {
  if (Buffer.from(batch).toString() === 'end the thread') process.exit(1)
  return append(batch, expected)
}
serveLog(log, parentPort!)
