// Loads many keys or list elements over one pipelined connection.

import { childInput, reportAndExit } from '../child.ts'
import { open } from '../wire.ts'

interface Input {
  port: number
  kind: 'keys' | 'list'
  count: number
  valueBytes: number
}

const BATCH_COMMANDS = 500
/** Batches under way at a time: enough that the server never waits for this process. */
const BATCHES_AHEAD = 4

const { port, kind, count, valueBytes } = childInput<Input>()

const KEY_BYTES = 16
// Both kinds of reply have a known length, or end in a line: lines are counted.
let replies = 0
let awaited = 0
let wake: (() => void) | undefined
const socket = await open(port, (buffer, length) => {
  for (let i = buffer.indexOf(10); i !== -1 && i < length; i = buffer.indexOf(10, i + 1)) replies++
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

function request(i: number): string {
  const text = `${i}:${'v'.repeat(valueBytes)}`.slice(0, valueBytes)
  if (kind === 'list') return `*3\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n$${valueBytes}\r\n${text}\r\n`
  const key = `key:${String(i).padStart(KEY_BYTES - 4, '0')}`
  return `*3\r\n$3\r\nSET\r\n$${KEY_BYTES}\r\n${key}\r\n$${valueBytes}\r\n${text}\r\n`
}

const started = performance.now()
for (let sent = 0; sent < count; ) {
  const end = Math.min(count, sent + BATCH_COMMANDS)
  let batch = ''
  for (; sent < end; sent++) batch += request(sent)
  socket.write(batch, 'latin1')
  await until(sent - BATCH_COMMANDS * BATCHES_AHEAD)
}
await until(count)
reportAndExit({ seconds: (performance.now() - started) / 1000 })
