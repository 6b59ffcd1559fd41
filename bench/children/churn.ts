// Sets ever new keys with values of one size, then of another, and reports how much memory the
// server had.

import { childInput, reportAndExit } from '../child.ts'
import { residentBytes } from '../servers.ts'
import { encode, open } from '../wire.ts'

export interface ChurnInput {
  port: number
  pid: number
  phases: readonly { valueBytes: number | 'mixed'; count: number }[]
}

export interface ChurnReport {
  phases: { mostBytes: number; endBytes: number }[]
}

const BATCH_COMMANDS = 500
/** Requests under way at a time: the server never waits for this process. */
const AHEAD_COMMANDS = 4 * BATCH_COMMANDS
const MIXED_BYTES_MAX = 2000
/** Looking at the server's memory costs as much as some requests. */
const BATCHES_LOOKED = 20
/** Memory that is not needed any more is given back by then. */
const SETTLE_MS = 1000

const { port, pid, phases } = childInput<ChurnInput>()

let replies = 0
let awaited = 0
let wake: (() => void) | undefined
const socket = await open(port, (buffer, length) => {
  for (let i = 0; i < length; i++) if (buffer[i] === 10) replies++
  if (replies >= awaited) wake?.()
})

function until(replyCount: number): Promise<void> {
  if (replies >= replyCount) return Promise.resolve()
  awaited = replyCount
  return new Promise((resolve) => {
    wake = () => {
      wake = undefined
      resolve()
    }
  })
}

/** Spreads numbers as a hash does. */
const scattered = (i: number): number => Math.imul(i + 1, 0x9e3779b1) >>> 0

const report: ChurnReport = { phases: [] }
let sent = 0
for (const { valueBytes, count } of phases) {
  let mostBytes = 0
  const end = sent + count
  for (let batches = 0; sent < end; batches++) {
    let batch = ''
    for (let i = 0; i < BATCH_COMMANDS && sent < end; i++, sent++) {
      const bytes = valueBytes === 'mixed' ? scattered(sent) % MIXED_BYTES_MAX : valueBytes
      batch += encode('SET', `key:${sent}`, 'v'.repeat(bytes))
    }
    socket.write(batch, 'latin1')
    await until(sent - AHEAD_COMMANDS)
    if (batches % BATCHES_LOOKED === 0) mostBytes = Math.max(mostBytes, residentBytes(pid))
  }
  await until(sent)
  mostBytes = Math.max(mostBytes, residentBytes(pid))
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  report.phases.push({ mostBytes, endBytes: residentBytes(pid) })
}
reportAndExit(report)
