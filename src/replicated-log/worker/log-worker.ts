// The program of a log thread. The build makes a file of its own of it (scripts/bundle.ts).

import { parentPort, workerData } from 'node:worker_threads'
import { type LogSource, openLog } from './log-source.ts'
import { type Reply, sendable } from './messages.ts'
import { serveLog } from './serve-log.ts'

const port = parentPort!
openLog(workerData as LogSource).then(
  (log) => serveLog(log, port),
  (error: unknown) => port.postMessage([{ type: 'unopened', error: sendable(error) } satisfies Reply]),
)
