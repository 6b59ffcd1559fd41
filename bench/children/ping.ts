// Asks every millisecond and notes how long each answer took: a pause is seen.

import { setPriority } from 'node:os'
import { askedToFinish, childInput, reportAndExit, sayReady } from '../child.ts'
import { encode, open } from '../wire.ts'

interface Input {
  port: number
  words: string[]
  /** Pause between an answer and the next question. */
  everyMs: number
}

const { port, words, everyMs } = childInput<Input>()
try {
  // With two cores and three busy processes the scheduler's share of the wait would be taken for
  // the server's.
  setPriority(-10)
} catch {
  // Not allowed: the figures then hold the scheduler's part too.
}

const request = encode(...words)
const latencies: number[] = []
let finishing = false
let sent = 0
const socket = await open(port, () => {
  if (latencies.length === 0) sayReady()
  latencies.push(performance.now() - sent)
  if (finishing) {
    latencies.sort((a, b) => a - b)
    reportAndExit({ latencies })
  } else if (everyMs === 0) ask()
  else setTimeout(ask, everyMs)
})
function ask(): void {
  sent = performance.now()
  socket.write(request)
}
ask()
await askedToFinish()
finishing = true
