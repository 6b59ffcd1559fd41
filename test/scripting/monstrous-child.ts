// Runs scripts one after the other in a process of its own, and reports the result of each in one
// JSON line.
//
// It reads a JSON array of [source, ...arguments] from standard input. A script that takes too long
// is killed as SCRIPT KILL would kill it, at ticks. Other clients are served at ticks, so the
// longest time between two ticks is their longest wait.

import { systemClock } from '../../src/util/time/clock.ts'
import { createEngine } from '../support/engine.ts'

export interface Outcome {
  readonly reply: string
  /** Total processor time, and the longest stretch without a tick. */
  readonly tookMs: number
  readonly unheardMs: number
  /** The heap after the script has ended and its garbage was collected. */
  readonly heapBytes: number
}

/** Processor time after which a script is killed. */
const scriptMsMax = Number(process.argv[2])

const { engine, clock, connect } = createEngine({ 'busy-reply-threshold': '0' })
clock.monotonic = systemClock.monotonic
const client = connect()

let began = 0
let heard = 0
let unheardMs = 0

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function hear(): void {
  const now = processorMs()
  unheardMs = Math.max(unheardMs, now - heard)
  heard = now
}

engine.parts.host.whileBusy = {
  listen() {
    hear()
    if (heard - began > scriptMsMax) engine.parts.scripting.kill('script')
  },
  done() {},
}

let input = ''
for await (const chunk of process.stdin) input += chunk
for (const [source, ...values] of JSON.parse(input) as string[][]) {
  // The request is read before the script begins.
  began = heard = processorMs()
  unheardMs = 0
  const reply = client.ask('EVAL', source!, 0, ...values)
  hear()
  globalThis.gc?.()
  const outcome: Outcome = {
    reply: reply.slice(0, 150),
    tookMs: Math.round(heard - began),
    unheardMs: Math.round(unheardMs),
    heapBytes: process.memoryUsage().heapUsed,
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
}
